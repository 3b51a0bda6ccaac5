"""Bands over the bins of a Fourier transform, as wide as hearing tells them apart."""

import numpy as np

from .fir import hats

LOWEST_HZ = 50.0


def centres_hz(sr: float, per_octave: int = 3) -> np.ndarray:
    """Band centres from 50 Hz to 0.4 of the sample rate."""
    octaves = np.log2(max(0.4 * sr / LOWEST_HZ, 1.0))
    return LOWEST_HZ * 2.0 ** (np.arange(int(octaves * per_octave) + 1) / per_octave)


def band_weights(fft: int, sr: float, per_octave: int = 3) -> np.ndarray:
    """(bins, bands): how much each bin counts in each band; a bin's shares add up to 1, so no power is lost."""
    frequency = np.arange(fft // 2 + 1) * sr / fft
    return np.ascontiguousarray(hats(frequency, centres_hz(sr, per_octave), sr).T)
