"""How near one voice is to another: its pitch, its level over time, its spectrum over all of it, on the host."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.fft import rfft

from .f0 import F0Track
from .levels import FLOOR

CENTS = 10.0
LOWEST_HZ, HIGHEST_HZ = 50.0, 10_000.0  # of the bands that are compared


def near(f0: F0Track, wanted: F0Track, times: float = 1.0) -> Bool[np.ndarray, " n"]:
    """The frames in which `f0` is voiced and within 10 cents of `times` the pitch of `wanted`, as many as both have."""
    n = min(len(f0.voiced), len(wanted.voiced))
    cents = 1200.0 * np.abs(np.log2(f0.f0_hz[:n] / (times * wanted.f0_hz[:n])))
    return f0.voiced[:n] & (cents < CENTS)


def in_tune(f0: F0Track, wanted: F0Track, times: float = 1.0) -> float:
    """The share of the voiced frames of `wanted` that are so near; 1 where nothing is wanted."""
    found = near(f0, wanted, times)
    voiced = wanted.voiced[: len(found)]
    return float(np.mean(found[voiced])) if voiced.any() else 1.0


def alike(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """The correlation of two curves of levels in dB; 0 where one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / np.sqrt(max((a @ a) * (b @ b), 1e-30)))


def third_octaves(x: Float[np.ndarray, " t"], sr: int) -> Float[np.ndarray, " b"]:
    """Power in dB of each third of an octave of the whole sound, from 50 Hz to 10 kHz or 0.45 of the sample rate.

    Reference: IEC 61260-1, "Octave-band and fractional-octave-band filters", 2014, for the middles of the bands.
    """
    power = np.square(np.abs(rfft(np.asarray(x, np.float64)))) / x.size**2
    high = min(HIGHEST_HZ, 0.45 * sr)
    number = np.arange(np.ceil(3.0 * np.log2(LOWEST_HZ / 1000.0)), np.floor(3.0 * np.log2(high / 1000.0)) + 1)
    edges = 1000.0 * 2.0 ** ((np.append(number, number[-1] + 1) - 0.5) / 3.0)
    summed = np.concatenate([[0.0], np.cumsum(power)])
    bins = np.clip(np.ceil(edges * x.size / sr).astype(int), 0, power.size)
    return 10.0 * np.log10(np.diff(summed[bins]) + FLOOR)


def spectrum_distance_db(a: Float[np.ndarray, " s"], b: Float[np.ndarray, " t"], sr: int) -> float:
    """The mean difference of the `third_octaves` of two sounds in dB, levels matched."""
    apart = third_octaves(a, sr) - third_octaves(b, sr)
    return float(np.mean(np.abs(apart - np.mean(apart))))
