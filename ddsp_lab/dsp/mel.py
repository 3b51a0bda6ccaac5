"""The mel scale, on which equal steps of pitch sound equal, and bands over it."""

import numpy as np

HZ_PER_MEL = 200.0 / 3.0  # below 1 kHz
KNEE_HZ = 1000.0
STEP = np.log(6.4) / 27.0  # natural logarithm of frequency per mel above 1 kHz


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


def mel_weights(fft: int, sr: float, bands: int) -> np.ndarray:
    """(bins, bands): triangles from 0 Hz to half the sample rate, each over its two neighbours, of unit area per Hz.

    A band so narrow that it falls between two bins is left out.

    Reference: Slaney, "Auditory toolbox", technical report 1998-010, Interval Research, 1998.
    """
    bins = np.arange(fft // 2 + 1) * sr / fft
    corner = mel_hz(np.linspace(0.0, float(mel(sr / 2.0)), bands + 2))
    width = np.diff(corner)
    rise = (bins[:, None] - corner[:-2]) / width[:-1]
    fall = (corner[2:] - bins[:, None]) / width[1:]
    triangles = np.maximum(0.0, np.minimum(rise, fall)) * 2.0 / (corner[2:] - corner[:-2])
    return triangles[:, triangles.any(0)]
