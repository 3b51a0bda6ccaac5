"""Frames of a recording for what listens to it on the host."""

import numpy as np
from jaxtyping import Float
from scipy.signal import resample_poly

from .stft import frame_count

HOP_S = 0.005  # between two frames of every track: f0, level, onsets
ENOUGH_HZ = 22_050  # of a rate, for pitch: partials above 10 kHz say nothing more about it


def thinning(sr: int) -> int:
    """One sample in how many is enough for pitch."""
    return max(1, sr // ENOUGH_HZ)


def hop_samples(sr: int) -> int:
    """Samples of a hop at a rate in Hz, a multiple of `thinning`."""
    return thinning(sr) * max(1, round(HOP_S * sr / thinning(sr)))


def thinned(x: Float[np.ndarray, " t"], sr: int) -> Float[np.ndarray, " s"]:
    """Every `thinning`-th sample of the band-limited `x`."""
    return resample_poly(x, 1, thinning(sr)) if thinning(sr) > 1 else x


def frames(x: Float[np.ndarray, " t"], size: int, hop: int) -> Float[np.ndarray, "frames size"]:
    """`size` samples centred on every `hop`-th sample, zeros outside: a view, so take a few at a time."""
    padded = np.pad(x, (size // 2, size + hop))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][: frame_count(x.size, hop)]
