"""Scales of frequency on which equal steps sound equal, and triangular bands over them."""

from typing import Literal, TypeAlias

import numpy as np

from .masking import bark

BandScale: TypeAlias = Literal["mel", "bark", "cqt"]

HZ_PER_MEL = 200.0 / 3.0  # below 1 kHz
KNEE_HZ = 1000.0
STEP = np.log(6.4) / 27.0  # natural logarithm of frequency per mel above 1 kHz
LOWEST_HZ = 440.0 / 2.0**3.75  # the lowest C of a piano, where a constant-Q transform begins


def mel(hz: np.ndarray | float) -> np.ndarray:
    """Slaney's mel scale: straight up to 1 kHz, logarithmic above."""
    hz = np.asarray(hz, float)
    return np.where(
        hz < KNEE_HZ, hz / HZ_PER_MEL, KNEE_HZ / HZ_PER_MEL + np.log(np.maximum(hz, KNEE_HZ) / KNEE_HZ) / STEP
    )


def mel_hz(mels: np.ndarray | float) -> np.ndarray:
    """The frequency in Hz at a place on the mel scale."""
    above = np.maximum(np.asarray(mels, float) - KNEE_HZ / HZ_PER_MEL, 0.0)
    return np.where(above > 0.0, KNEE_HZ * np.exp(above * STEP), HZ_PER_MEL * np.asarray(mels, float))


def corners(scale: BandScale, bands: int, sr: float) -> np.ndarray:
    """Where `bands` bands up to half the sample rate begin, peak and end in Hz: each peaks where its neighbours end.

    Evenly spaced in mel or in Bark from 0 Hz, or in the logarithm of frequency from 32.7 Hz.
    """
    steps = np.linspace(0.0, 1.0, bands + 2)
    if scale == "mel":
        return mel_hz(float(mel(sr / 2.0)) * steps)
    if scale == "bark":
        hz = np.linspace(0.0, sr / 2.0, 16_385)  # the scale has no closed inverse
        rate = bark(hz)
        return np.interp(rate[-1] * steps, rate, hz)
    lowest = min(LOWEST_HZ, sr / 8.0)
    return lowest * (0.5 * sr / lowest) ** steps


def triangles(scale: BandScale, fft: int, sr: float, bands: int) -> np.ndarray:
    """(bins, bands): triangles between the `corners`, each over its two neighbours, of unit area per Hz.

    A band so narrow that it falls between two bins is left out.

    References: Slaney, "Auditory toolbox", technical report 1998-010, Interval Research, 1998 (mel); Zwicker, Terhardt,
    "Analytical expressions for critical-band rate and critical bandwidth as a function of frequency", Journal of the
    Acoustical Society of America 68(5), 1980 (Bark); Brown, "Calculation of a constant Q spectral transform", Journal
    of the Acoustical Society of America 89(1), 1991 (whose bands these have the spacing of, not the resolution).
    """
    bins = np.arange(fft // 2 + 1) * sr / fft
    corner = corners(scale, bands, sr)
    width = np.diff(corner)
    rise = (bins[:, None] - corner[:-2]) / width[:-1]
    fall = (corner[2:] - bins[:, None]) / width[1:]
    weights = np.maximum(0.0, np.minimum(rise, fall)) * 2.0 / (corner[2:] - corner[:-2])
    return weights[:, weights.any(0)]
