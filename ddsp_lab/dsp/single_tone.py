"""Whether a sound is one tone, and which pitch to give it where it is none, on the host."""

from math import ceil
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len, rfft
from scipy.interpolate import CubicSpline
from scipy.ndimage import median_filter
from scipy.signal import find_peaks

from .stft import hann

FEWEST, MOST = 8, 128  # cycles: fewer do not part two partials, more are not needed
PARTIALS = 20  # that are looked at
NEAR, STRETCH, FARTHEST, BLUR = (
    0.015,
    0.012,
    0.3,
    1.2,
)  # of a partial from its whole number, plus so much for each, at most; in bins
UNISON, STIFFEST, TURNS = 0.02, 0.985, 8  # what is one with a partial; where a first one may be; of looking for it
CLEAR, FAINT = 10.0**-2.5, 10.0**-4  # of the strongest partial's power: what sounds, and what is missing
FULL = 0.7  # of the partials are there, of a tone that lacks its fundamental
STANDS_OUT, STRONG = 30.0, 0.06  # power, of the spectrum about it, and of the strongest: a mode


class Partials(NamedTuple):
    """The share of the power that lies on whole multiples of a pitch, whether they are those of a single tone, and how
    far the lowest is from the pitch, as a ratio: a stiff string's partials repeat best a little above its own."""

    harmonic: float
    single: bool
    first: float = 1.0


def partials(x: Float[np.ndarray, " t"], sr: float, f0_hz: Float[np.ndarray, " t"]) -> Partials:
    """Of a sound along the curve of its pitch, both of one length: read at equal steps of its phase, vibrato is gone.

    A common subharmonic of two tones lacks its fundamental and many partials more; one tone that lacks its fundamental
    has nearly all of the others. What is too short to tell is taken for single.
    """
    cycles = np.cumsum(f0_hz) / sr
    count = min(int(cycles[-1] - cycles[0]) - 1, MOST) if cycles.size > 1 else 0
    if count < FEWEST:
        return Partials(1.0, True)
    start = 0.5 * (cycles[0] + cycles[-1] - count)
    a_cycle = max(2 * PARTIALS + 2, ceil(sr / f0_hz.min()))  # points, so many that no partial folds back
    read = np.arange(count * a_cycle) / a_cycle + start
    even = CubicSpline(cycles, x)(read)
    number = np.arange(1, PARTIALS + 1)
    number = number[number * np.mean(f0_hz) < 0.45 * sr]
    power = np.square(np.abs(rfft((even - even.mean()) * hann(even.size), 4 * even.size)))
    power = power[: int(4 * count * (number[-1] + 0.5))]
    at = np.arange(power.size) / (4.0 * count)
    nearest = np.maximum(np.rint(at), 1.0)
    on = np.abs(at - nearest) <= np.maximum(np.minimum(NEAR + STRETCH * nearest, FARTHEST), BLUR / count)
    of_each = np.bincount(nearest.astype(int)[on], power[on], number.size + 1)[1:]
    strongest = of_each.max(initial=1e-30)
    last = int(np.flatnonzero(of_each > CLEAR * strongest)[-1]) + 1
    whole = of_each[0] > CLEAR * strongest or np.mean(of_each[:last] > FAINT * strongest) > FULL
    share = float(of_each.sum() / max(power.sum(), 1e-30))
    return Partials(share, bool(whole), first(at, power, count) if of_each[0] > CLEAR * strongest else 1.0)


def first(at: Float[np.ndarray, " n"], power: Float[np.ndarray, " n"], cycles: int) -> float:
    """The middle of the power about the first partial, of which several in unison are one."""
    middle = 1.0
    for _ in range(TURNS):
        about = np.abs(at - middle) < max(UNISON, 2.0 / cycles)
        middle = float(power[about] @ at[about] / max(power[about].sum(), 1e-30))
    return middle if STIFFEST < middle < 1.0 else 1.0


def lowest_mode(x: Float[np.ndarray, " t"], sr: int, low_hz: float) -> tuple[float, bool]:
    """The lowest strong peak of a spectrum in Hz, and whether one stands out; if none, the middle of its power."""
    size = next_fast_len(max(2 * x.size, 4096), real=True)
    fading = np.cos(0.5 * np.pi * np.arange(x.size) / x.size) ** 2  # it begins abruptly, and need not end so
    power = np.square(np.abs(rfft(x * fading, size)))
    hz = np.arange(power.size) * sr / size
    power[hz < low_hz] = 0.0
    smooth = np.convolve(power, np.ones(3) / 3.0, "same")
    about = median_filter(smooth, 1 + 2 * max(4, round(60.0 * size / sr)))
    peaks, _ = find_peaks(smooth, height=STRONG * smooth.max(initial=1e-30))
    peaks = peaks[smooth[peaks] > STANDS_OUT * about[peaks]]
    if peaks.size:
        p = int(peaks[0])
        before, middle, after = np.log(power[p - 1 : p + 2] + 1e-30)
        bend = before - 2.0 * middle + after
        off = 0.5 * (before - after) / bend if bend < 0.0 else 0.0
        return float((p + np.clip(off, -1.0, 1.0)) * sr / size), True
    return float(max(power @ hz / max(power.sum(), 1e-30), low_hz)), False
