"""Periods that a recording may have, frame by frame, on the host."""

from math import ceil
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.fft import irfft, next_fast_len, rfft

from .frame_view import frames
from .levels import FLOOR
from .stft import hann

SLACK = 1.06  # a semitone: a dip at the very lowest pitch has to rise again
PERIODS = 2.4  # of the lowest pitch in a frame
FINE = 16  # lags in the shortest period: with fewer, its dip falls between two of them
MOST = 8  # periods kept a frame
AT_ONCE = 128  # frames whose lags stay in the cache together
UNDER = 1e-6  # of a frame's power, and of the loudest frame's: the noise under everything
FAR_S = 0.012  # up to which lag a period is read off its multiples
ALIKE = 0.03  # two dips that differ by less than this share, or by its square, are as deep
NO_WORSE = 0.01  # deeper than this and twice the first dip, a multiple no longer repeats


class Periods(NamedTuple):
    """Up to `MOST` periods a frame, the shortest first: seconds, and the share of the power that does not repeat.

    Where there are fewer, 1 s and infinity. Each repeats better than any shorter one.
    """

    period_s: Float[np.ndarray, "frames most"]
    noise: Float[np.ndarray, "frames most"]


def repeats(
    x: Float[np.ndarray, "frames size"], lags: int, finer: int, under: float
) -> tuple[Float[np.ndarray, "frames lags"], Float[np.ndarray, "frames lags"]]:
    r"""$d_\tau = \sum_j w_j w_{j+\tau} (x_j - x_{j+\tau})^2 / \sum_j w_j w_{j+\tau} (x_j^2 + x_{j+\tau}^2)$ of `finer`
    lags a sample, and $d$ over its mean up to $\tau$.

    Weighted by a window at both ends, every lag looks at the middle of its frame. Products are interpolated by the
    transform; the energies move so slowly with the lag that a straight line will do. `under` is a power.
    """
    size = x.shape[1]
    w = hann(size)
    x = x - (x @ w / w.sum())[:, None]
    fft = next_fast_len(size + lags, real=True)
    spectrum = rfft(w * x, fft)
    products = finer * irfft(np.square(np.abs(spectrum)), finer * fft)[:, : finer * lags]
    back = rfft(w, fft)
    energy = irfft(2.0 * (rfft(w * x * x, fft) * np.conj(back)).real, fft)[:, : lags + 1]
    within = irfft(np.square(np.abs(back)), fft)[: lags + 1]
    floor = (2.0 * UNDER * energy[:, :1] / within[0] + under) * within
    between = np.arange(finer) / finer
    energy, floor = ((v[:, :-1, None] + between * np.diff(v)[:, :, None]).reshape(len(x), -1) for v in (energy, floor))
    d = (np.maximum(energy - 2.0 * products, 0.0) + floor) / (np.maximum(energy, 0.0) + floor)
    d[:, 0] = 0.0
    lag = np.arange(d.shape[1])
    mean = np.cumsum(d, axis=1) / np.maximum(lag, 1)
    mean[:, 0] = 1.0
    normal = d / mean
    normal[:, 0] = 1.0
    return d, normal


def vertex(
    d: Float[np.ndarray, "frames lags"], row: Int[np.ndarray, " n"], at: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Where the parabola through three lags is lowest, from the middle one, and how low it is there."""
    before, middle, after = (d[row, at + by] for by in (-1, 0, 1))
    curve = before - 2.0 * middle + after
    off = np.where(curve > 1e-12, 0.5 * (before - after) / np.maximum(curve, 1e-12), 0.0)
    return off, middle - 0.25 * (before - after) * np.clip(off, -1.0, 1.0)


def from_multiples(
    d: Float[np.ndarray, "frames lags"], row: Int[np.ndarray, " n"], at: Int[np.ndarray, " n"], far: float
) -> Float[np.ndarray, " n"]:
    """Periods in lags, ever more exact: 2, 4, 8 ... of them up to `far`, as long as the sound still repeats there."""
    off, depth = vertex(d, row, at)
    period = at + np.clip(off, -1.0, 1.0)
    going, times = np.ones(row.size, bool), 1
    while np.any(going):
        times *= 2
        middle = np.rint(times * period).astype(int)
        going &= middle < min(far, d.shape[1] - 1)
        off, there = vertex(d, row, np.where(going, middle, at))
        going &= (np.abs(off) <= 1.5) & (there <= 2.0 * depth + NO_WORSE)
        period = np.where(going, (middle + off) / times, period)
    return period


def deepening(dips: Bool[np.ndarray, "frames lags"], depth: Float[np.ndarray, "frames lags"]) -> np.ndarray:
    """The dips that are deeper than every one before, up to the first that is as deep as any."""
    depth = np.where(dips, depth, np.inf)
    deepest = np.min(depth, axis=1, keepdims=True)
    depth = np.maximum(depth, deepest + ALIKE * (deepest + ALIKE))
    lowest = np.minimum.accumulate(depth, axis=1)
    earlier = np.pad(lowest[:, :-1], ((0, 0), (1, 0)), constant_values=np.inf)
    return dips & (depth < earlier)


def periods(x: Float[np.ndarray, " t"], sr: float, low_hz: float, high_hz: float, hop: int) -> Periods:
    """Periods between the two pitches in Hz, of frames about every `hop`-th sample.

    Reference: de Cheveigné, Kawahara, "YIN, a fundamental frequency estimator for speech and music", Journal of the
    Acoustical Society of America 111(4), 2002; McLeod, Wyvill, "A smarter way to find pitch", International Computer
    Music Conference, 2005 (both ends weighted alike).
    """
    finer = ceil(FINE * high_hz / sr)
    longest = ceil(SLACK * sr / low_hz)
    first, last = max(2, int(finer * sr / high_hz)), finer * longest
    view = frames(x, int(PERIODS * longest), hop)
    under = 2.0 * (UNDER * float(np.mean(np.square(x), dtype=np.float64)) + FLOOR)
    period = np.ones((len(view), MOST))
    noise = np.full((len(view), MOST), np.inf)
    for start in range(0, len(view), AT_ONCE):
        d, normal = repeats(view[start : start + AT_ONCE], longest + 3, finer, under)
        inside = normal[:, first : last + 1]
        dips = (inside <= normal[:, first - 1 : last]) & (inside < normal[:, first + 1 : last + 2])
        row, at = np.nonzero(deepening(dips, inside))
        at += first
        of_row = np.bincount(row, minlength=len(d))
        rank = np.arange(row.size) - np.repeat(np.cumsum(of_row) - of_row, of_row)
        rank -= np.maximum(of_row - MOST, 0)[row]
        row, at, rank = (v[rank >= 0] for v in (row, at, rank))
        period[start + row, rank] = from_multiples(d, row, at, finer * sr * FAR_S) / (finer * sr)
        noise[start + row, rank] = np.maximum(vertex(normal, row, at)[1], 0.0)
    return Periods(period, noise)
