"""When something begins in a recording, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import rfft
from scipy.linalg import solve_toeplitz
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import find_peaks, lfilter

from .frame_view import frames, hop_samples
from .stft import hann

WINDOW_S, BACK = 0.023, 2  # of a spectrum; frames that a rise takes
LOW_HZ, HIGH_HZ, BANDS = 30.0, 17_000.0, 24  # bands an octave: a quarter-tone each
SPREAD = 3  # bands that a partial may wander between two frames without beginning anew
DEEP = 1e-3  # amplitude, of the loudest band: what is further below does not begin anything
AROUND_S, OVER, SHARE = 0.1, 0.03, 0.06  # a peak is so far above the mean about it: nepers a band; of the highest
APART_S = 0.03
SEEN_S, SIDE_S, GRID_S = 0.03, 0.008, 0.00025  # about a peak; on each side of a rise of the level; between two tries
PAST_S, ORDER, RIDGE = 0.05, 32, 1e-9  # of a linear prediction: what it learns from, its length, its noise
RISE = 2.0  # of the power: what rises less keeps the time of its spectrum


class Onsets(NamedTuple):
    """Times in s, to about a millisecond where the level rises; how much was new, in nepers a band; and how many times
    the power grew of what the sound before did not foretell."""

    time_s: Float[np.ndarray, " n"]
    novelty: Float[np.ndarray, " n"]
    growth: Float[np.ndarray, " n"]


def bands(fft: int, sr: int) -> Float[np.ndarray, "bins bands"]:
    """Triangles a quarter-tone wide, or a bin, each about a bin of its own."""
    high = min(HIGH_HZ, 0.45 * sr)
    hz = LOW_HZ * 2.0 ** (np.arange(np.floor(BANDS * np.log2(high / LOW_HZ)) + 1) / BANDS)
    middle = np.unique(np.maximum(np.rint(hz * fft / sr), 1.0))
    edges = np.concatenate([[middle[0] - 1.0], middle, [middle[-1] + 1.0]])
    bins = np.arange(fft // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    return np.maximum(np.minimum(rising, falling), 0.0)


def novelty(x: Float[np.ndarray, " t"], sr: int) -> Float[np.ndarray, " n"]:
    r"""$\frac1B \sum_b \max(0, \log(s_{n,b} + \epsilon) - \max_{|c - b| \leq 1} \log(s_{n-2,c} + \epsilon))$ of each
    frame: how much more there is in each band than there just was in it and its neighbours, so that vibrato is none.

    Reference: Böck, Widmer, "Maximum filter vibrato suppression for onset detection", DAFx, 2013.
    """
    size = 2 * round(0.5 * WINDOW_S * sr)
    fft = 1 << (2 * size - 1).bit_length()
    filters = bands(fft, sr)
    hop = hop_samples(sr)
    # as many frames before the sound as a rise takes: it may begin with its first sample
    view = frames(np.pad(x, (BACK * hop, 0)), size, hop)
    power = np.concatenate(
        [np.abs(rfft(view[i : i + 256] * hann(size), fft)) @ filters for i in range(0, len(view), 256)]
    )
    level = np.log(power + DEEP * power.max(initial=1e-12))
    before = maximum_filter1d(level[:-BACK], SPREAD, axis=1)
    flux = np.mean(np.maximum(level[BACK:] - before, 0.0), axis=1)
    flux[1 + max(x.size - size // 2, 0) // hop :] = 0.0  # where a sound is cut off, every band rises
    return flux


def unforeseen(x: Float[np.ndarray, " t"], known: int) -> Float[np.ndarray, " t"]:
    """What the first `known` samples do not predict of all: a tone that rings on is gone, what begins stands out."""
    if known <= ORDER:
        return x
    past = x[:known] * np.hanning(known)
    r = np.array([past[: known - lag] @ past[lag:] for lag in range(ORDER + 1)])
    if r[0] <= 0.0:
        return x
    r[0] *= 1.0 + RIDGE
    return lfilter(np.append(1.0, -solve_toeplitz(r[:-1], r[1:])), [1.0], x)


def rise(x: Float[np.ndarray, " t"], sr: int, about_s: float) -> tuple[float, float]:
    """When the mean power of 8 ms is most above that of the 8 ms before, within 30 ms of a time, and how many times."""
    side, reach, past = (max(1, round(s * sr)) for s in (SIDE_S, SEEN_S, PAST_S))
    middle, step = round(about_s * sr), max(1, round(GRID_S * sr))
    start = max(middle - reach, 0)
    at = np.arange(start, min(middle + reach, x.size - 1) + 1, step)
    if at.size == 0:
        return about_s, 1.0
    first = start - side - past
    piece = x[max(first, 0) : at[-1] + side + 1]
    piece = np.pad(piece, (max(-first, 0), at[-1] + side + 1 - max(first, 0) - piece.size))
    summed = np.concatenate([[0.0], np.cumsum(np.square(unforeseen(piece, past)))])
    before = summed[at - first] - summed[at - first - side]
    after = summed[at - first + side] - summed[at - first]
    under = 1e-4 * after.max() + 1e-12
    ratio = (after + under) / (before + under)
    best = int(np.argmax(ratio))
    return at[best] / sr, float(ratio[best])


def find_onsets(x: Float[np.ndarray, " t"], sr: int) -> Onsets:
    """Peaks of the `novelty` that stand out from their surroundings, at the time at which the level rises."""
    x = np.asarray(x, np.float64)
    flux = novelty(x, sr)
    per_s = sr / hop_samples(sr)
    local = uniform_filter1d(flux, 2 * round(AROUND_S * per_s) + 1, mode="constant")
    peaks, _ = find_peaks(np.pad(flux, 1), distance=max(1, round(APART_S * per_s)))
    peaks = peaks - 1
    peaks = peaks[flux[peaks] - local[peaks] > np.maximum(OVER, SHARE * flux.max(initial=0.0))]
    found: list[tuple[float, float, float]] = []
    for peak in peaks:
        # a frame's spectrum rises when the sound enters its window, half a rise before its middle
        seen = max(peak - 0.5 * BACK, 0.0) / per_s
        time, growth = rise(x, sr, seen)
        now = (time if growth >= RISE else seen, float(flux[peak]), growth)
        if found and now[0] - found[-1][0] < APART_S:  # two peaks of one rise
            now = max(now, found.pop(), key=lambda onset: onset[2])
        found.append(now)
    return Onsets(*np.array(found, float).reshape(-1, 3).T)
