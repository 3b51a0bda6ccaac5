"""Noise that dies away as a whole: how loud, how fast, and of which colour, on the host."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .dying_line import HOP, SIZE, band_powers, dying_line
from .fir import hats
from .noise_bands import band_centres

BANDS = 24
CLEAR = 4.0  # times the floor: a band in which the noise tells something


class NoiseOutline(NamedTuple):
    """Of white noise of variance `level` squared, weighed by one of some shapes."""

    level: float
    t60_s: float
    which: int


def outline(
    x: Float[np.ndarray, " t"], sr: int, shapes: Callable[[np.ndarray], np.ndarray], above_hz: float = 0.0
) -> NoiseOutline | None:
    """What of `x` above a frequency is noise whose amplitude at the frequencies `hz` is one of the rows of
    `shapes(hz)`. None where there is nothing."""
    centre = band_centres(BANDS, 60.0, min(16_000.0, 0.45 * sr))
    power = band_powers(x, hats(np.fft.rfftfreq(SIZE, 1.0 / sr), centre, sr))
    told = centre > above_hz
    if len(power) < 3 or not told.any():
        return None
    floor = np.quantile(power, 0.1, axis=0) if len(power) > 8 else np.zeros(BANDS)
    line = dying_line(power[:, told].sum(axis=1), HOP / sr, float(floor[told].sum()))
    if line is None:
        return None
    until = max(2, int(0.3 * line.t60_s * sr / HOP))
    heard = np.maximum(power[:until].mean(axis=0) - floor, 0.0)
    told &= heard > CLEAR * floor
    if told.sum() < 2:
        return None
    tried = shapes(centre[told]) ** 2
    off = np.log(heard[told] + 1e-30) - np.log(tried + 1e-12)
    share = np.sqrt(heard[told] / heard[told].max())
    middle = np.average(off, axis=1, weights=share)
    best = int(np.argmin(np.average(np.abs(off - middle[:, None]), axis=1, weights=share)))
    falls = 10.0 ** (-6.0 * np.arange(until) * HOP / sr / line.t60_s)
    return NoiseOutline(float(np.exp(0.5 * middle[best]) / np.sqrt(falls.mean())), line.t60_s, best)
