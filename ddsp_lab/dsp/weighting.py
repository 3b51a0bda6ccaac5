"""How much each frequency counts for hearing."""

from typing import Literal, TypeAlias

import numpy as np

from .loudness import k_response

Weighting: TypeAlias = Literal["none", "a", "k"]


def a_weight(hz: np.ndarray) -> np.ndarray:
    """The gain of A-weighting: 1 at 1 kHz, 0 at DC.

    Reference: IEC 61672-1, "Electroacoustics - Sound level meters", 2013, annex E.
    """
    power = np.square(np.asarray(hz, float))
    low, first, second, high = (f * f for f in (20.598997, 107.65265, 737.86223, 12194.217))
    gain = high * power**2 / ((power + low) * (power + high) * np.sqrt((power + first) * (power + second)))
    return gain * 10.0 ** (1.9997 / 20.0)


def bin_weights(weighting: Weighting, fft: int, sr: float) -> np.ndarray:
    """The gain of each bin of a Fourier transform, `k` as in `loudness`."""
    frequency = np.arange(fft // 2 + 1) / fft
    if weighting == "k":
        return np.abs(k_response(frequency, sr))
    return a_weight(frequency * sr) if weighting == "a" else np.ones(frequency.size)
