"""Faults of a recording, measured on the host: clipping, offset, gaps, edges of the spectrum. `(samples,)` each."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import median_filter

FLAT = 3  # equal samples that make a top flat
STEEP = 4.0  # steps of the format by which the sound falls beside it: a rounded top falls by one or two
MOSTLY = 0.3  # of the samples at the limit: that is a square wave, which nothing clipped
SEGMENTS = 8
GAP_S, GAP_LONGEST_S = 0.5e-3, 0.1
BESIDE_S, EDGE = 10e-3, 8  # what is compared on either side, and the samples next to the gap
STRIDE = 6  # bins of the spectrum between places where it may end


def _step(x: np.ndarray) -> float:
    """The smallest step between neighbours: that of the format, where it has one."""
    steps = np.abs(np.diff(x))
    return float(np.min(steps, initial=np.inf, where=steps > 0.0))


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2)))


class Runs(NamedTuple):
    """Stretches of equal samples: where they start, how many there are, and their value."""

    start: np.ndarray
    length: np.ndarray
    value: np.ndarray


def runs(x: np.ndarray, least: int) -> Runs:
    edges = np.concatenate([[0], np.flatnonzero(np.diff(x)) + 1, [x.size]])
    length = np.diff(edges)
    some = length >= least
    return Runs(edges[:-1][some], length[some], x[edges[:-1][some]])


def flat_tops(x: np.ndarray) -> int:
    """How often the sound runs flat against its own limit, above or below, as nothing but clipping makes it.

    The top of a slow wave is flat too once it is rounded to the steps of a format; but its sides fall by a step or two.
    """
    found = runs(x, FLAT)
    before = np.abs(x[np.maximum(found.start - 1, 0)] - found.value)
    after = np.abs(x[np.minimum(found.start + found.length, x.size - 1)] - found.value)
    steep = np.maximum(before, after) > STEEP * _step(x)
    count = 0
    for limit in (x.max(), x.min()):
        if limit == 0.0:
            continue
        at = steep & (found.value == limit)
        high = steep & (found.value * np.sign(limit) > 0.5 * abs(limit))
        rare = np.sum(found.length[at]) < MOSTLY * x.size or abs(limit) >= 0.999
        count += int(at.sum()) if rare and 2 * at.sum() >= high.sum() else 0
    return count


def offset(x: np.ndarray) -> float:
    """The mean over the RMS, where it is there all the time; a loud sound's own asymmetry comes and goes with it."""
    size = x.size // SEGMENTS
    means = x[: size * SEGMENTS].reshape(SEGMENTS, size).mean(1)
    middle = float(np.median(means))
    steady = np.all(means * np.sign(middle) > 0.5 * abs(middle)) and np.ptp(means) < abs(middle)
    return abs(middle) / (_rms(x) + 1e-30) if steady else 0.0


def gaps(x: np.ndarray, other: np.ndarray, sr: float) -> np.ndarray:
    """Where `x` stops at once, stays where it is, and goes on at once and as loud, while the `other` recording sounds
    on: the samples at which gaps start."""
    found = runs(x, max(16, int(GAP_S * sr)))
    beside = max(16, int(BESIDE_S * sr))
    inside = (found.start >= beside) & (found.start + found.length <= x.size - beside)
    inside &= found.length <= GAP_LONGEST_S * sr
    if np.sum(found.length[inside & (found.value != 0.0)]) > MOSTLY * x.size:
        return np.zeros(0, int)  # a wave with flat tops of its own
    least, torn = max(0.25 * _rms(x), 30.0 * _step(x)), []
    for start, length, value in zip(*(v[inside] for v in found), strict=True):
        stop = start + length
        left, right = x[start - beside : start], x[stop : stop + beside]
        quiet, loud = sorted((_rms(left), _rms(right)))
        if quiet < max(least, 0.2 * loud) or abs(value) >= 0.98 * max(np.abs(left).max(), np.abs(right).max()):
            continue
        full = min(_rms(left[-EDGE:]) / _rms(left), _rms(right[:EDGE]) / _rms(right)) > 0.5
        edges = abs(left[-1] - value), abs(right[0] - value)
        jump = max(*(e / (_rms(np.diff(v)) + 1e-30) for e, v in zip(edges, (left, right), strict=True)))
        sounding = _rms(other[start:stop]) > 0.1 * _rms(other[start - beside : stop + beside])
        if sounding and max(edges) > STEEP * _step(x) and (full or jump > 3.0):
            torn.append(start)
    return np.array(torn, int)


class Edge(NamedTuple):
    """A frequency above which there is nothing, and by how many dB the spectrum falls there."""

    hz: float
    drop_db: float


def edge(x: np.ndarray, sr: float, fft: int = 4096) -> Edge:
    """Where the spectrum ends at once, as no sound does by itself: the steepest fall, from what is there at nearly all
    frequencies of a tenth below to the most that is there anywhere above."""
    x = np.pad(x, (0, max(0, fft - x.size)))
    hop = max(fft // 2, x.size // 256)
    frames = np.lib.stride_tricks.sliding_window_view(x, fft)[::hop] * np.blackman(fft)
    db = 10.0 * np.log10(np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0) + 1e-16)
    low, high = int(1500.0 / sr * fft), int(0.495 * fft)
    above = np.maximum.accumulate(median_filter(db, 5)[: high + 1][::-1])[::-1]
    best = Edge(0.5 * sr, 0.0)
    for k in range(low, high - 8, STRIDE):
        width = max(8, k // 40)
        if k + width >= high:
            break
        fall = float(np.sort(db[k - 4 * width : k])[width // 2] - above[k + width])
        if fall > best.drop_db:
            best = Edge((k + width // 2) * sr / fft, fall)
    return best
