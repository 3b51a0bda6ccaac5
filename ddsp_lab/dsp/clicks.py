"""Clicks in a recording, by what linear prediction leaves of it, on the host. `(samples,)` each."""

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter

PREDICTED, HOP_S = 24, 0.1  # order of prediction; what one predictor serves
CLICK_S, QUIET_S = 1e-3, 20e-3  # a click is over after the one, and stands out of the other on either side
OUTLIER, ALONE = 30.0, 6.0  # times the median about it, and times the largest about it
AUDIBLE, ALIKE = 0.05, 10.0  # of the sound's level; how much the two sides may differ
TOGETHER_S = 5e-3  # between a click and the same one in the other recording
MOST_CLICKS = 64  # looked at, the loudest


def unpredicted(x: np.ndarray, sr: float) -> np.ndarray:
    """What linear prediction leaves of the sound, a predictor for every tenth of a second."""
    size = max(int(HOP_S * sr), 4 * PREDICTED)
    left = np.zeros_like(x)
    for start in range(0, x.size - PREDICTED, size):  # `einsum` below, because threads of a dot product take longer
        first = max(0, start - PREDICTED)
        piece = x[max(0, start - size) : start + 2 * size]
        piece = piece * np.hanning(piece.size)
        r = np.array([np.einsum("i,i", piece[: piece.size - k], piece[k:]) for k in range(PREDICTED + 1)])
        if r[0] <= 0.0:
            continue
        r[0] *= 1.0 + 1e-9
        a = np.concatenate([[1.0], solve_toeplitz(r[:-1], -r[1:])])
        left[start : start + size] = lfilter(a, [1.0], x[first : start + size])[start - first :]
    return left


def _stands_out(left: np.ndarray, n: int, sr: float, times_largest: float, times_median: float) -> bool:
    """Whether what is left at sample `n` towers over what is left on either side of it, which is about as much."""
    short, wide = max(4, int(CLICK_S * sr)), max(32, int(QUIET_S * sr))
    sides = [left[max(0, n - wide) : max(0, n - short)], left[n + short : n + wide]]
    if min(len(v) for v in sides) < wide // 2:
        return False
    middle = sorted(np.median(v) for v in sides)
    return all(left[n] > times_largest * v.max() for v in sides) and (
        left[n] > times_median * middle[1] and middle[1] < ALIKE * middle[0]
    )


def clicks(x: np.ndarray, left: np.ndarray, other: np.ndarray, sr: float) -> np.ndarray:
    """Samples of `x` that stand alone out of what prediction has `left` of it: neither the attack of a note nor one
    pulse of many nor a step; and nothing stands out of what it has left of the `other` recording there.

    Reference: Vaseghi, Rayner, "Detection and suppression of impulsive noise in speech communication systems", IEE
    Proceedings I 137(1), 1990 (detection in the residual of linear prediction).
    """
    left, other = np.abs(left), np.abs(other)
    short, near = max(4, int(CLICK_S * sr)), max(4, int(TOGETHER_S * sr))
    tops = np.flatnonzero((left == maximum_filter1d(left, 2 * short + 1)) & (left > AUDIBLE * np.sqrt(np.mean(x**2))))
    found = []
    for n in tops[np.argsort(-left[tops])][:MOST_CLICKS]:
        if not _stands_out(left, n, sr, ALONE, OUTLIER):
            continue
        before, after = np.median(x[n - 2 * short : n - short]), np.median(x[n + short : n + 2 * short])
        if abs(after - before) > abs(x[n] - 0.5 * (after + before)):
            continue
        first = max(0, n - near)
        there = first + int(np.argmax(other[first : n + near]))
        if not _stands_out(other, there, sr, 0.2 * ALONE, 0.2 * OUTLIER):
            found.append(n)
    return np.sort(np.array(found, int))
