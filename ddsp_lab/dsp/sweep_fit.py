"""First guesses at modulation: the LFO whose sweep of a delay or a frequency explains a recording best."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from .lfo_fit import FINENESS, Sweep, apart, ranked, rates, refined, wave

BINS = 24  # of an LFO's cycle
REFINED, MOVED = 6, 4  # coarse finds, and other centres of the best, that are refined
FEEDBACKS = np.array([-0.85, -0.6, -0.3, 0.0, 0.3, 0.6, 0.85])


class Tables(NamedTuple):
    """For each frame and each frozen value of what is swept, products of the signals that least squares needs.

    `moving[frame, value]` holds $\\langle y, x' \\rangle, \\langle x, x' \\rangle, \\langle x', x' \\rangle$, and with
    feedback also $\\langle y, y' \\rangle, \\langle x, y' \\rangle, \\langle x', y' \\rangle$ and $\\langle y', y'
    \\rangle$, where $x'$ is the source through the frozen effect and $y'$ the reference; `still` sums
    $\\langle x, x \\rangle, \\langle x, y \\rangle, \\langle y, y \\rangle$. Values are `first + step * index`.
    """

    moving: np.ndarray
    still: np.ndarray
    time_s: np.ndarray
    first: float
    step: float


def _explained(sums: np.ndarray, still: np.ndarray, feedback: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The share of $|y - g y'|^2$ that $a x + b x'$ explains at best, and those weights, for each row of sums.

    Not the share of $|y|^2$ that all three explain: music predicts itself, so that $g y'$ alone would explain much.
    """
    xx, xy, yy = still
    g = feedback
    rows = np.moveaxis(sums, -1, 0)
    to_moved, mixed, moved = rows[:3]
    rr, to_still = yy, xy
    if len(rows) > 3:
        rr = np.maximum(yy - 2.0 * g * rows[3] + g * g * rows[6], 1e-6 * yy)
        to_still, to_moved = xy - g * rows[4], to_moved - g * rows[5]
    moved = moved + 1e-4 * xx
    det = np.maximum(xx * moved - mixed * mixed, 1e-6 * xx * moved) + 1e-30
    a, b = (to_still * moved - to_moved * mixed) / det, (to_moved * xx - to_still * mixed) / det
    return (a * to_still + b * to_moved) / (rr + 1e-30), a, b


def sweeps(tables: Tables | None, pairs: np.ndarray) -> list[Sweep]:
    r"""The best LFOs, given the pairs (centre, swing) that come into question.

    At each rate the frames are folded onto one cycle; there every phase, centre and swing is tried, each with the
    weights of dry and swept signal (and of the swept reference, which is what feedback amounts to: from $y = a x +
    m D w$ and $w = x + g D w$ follows $y = a x + (m - g a) D x + g D y$) that suit it best. The best few are refined
    on all frames.
    """
    if tables is None:
        return []
    moving, still, t, first, step = tables
    count, values, kinds = moving.shape
    if count < 16 or still[2] <= 0.0 or still[0] <= 0.0:
        return []
    around = wave((np.arange(BINS)[:, None] + np.arange(BINS) + 0.5) / BINS, 0.0)  # phase, bin
    curves = pairs[:, :1, None] + pairs[:, 1:, None] * around[None, ::2]
    index = np.clip(np.round((curves - first) / step), 0, values - 1).astype(np.int32).reshape(-1, BINS).T.copy()
    flat = moving.reshape(count, -1).astype(np.float32)
    gains = FEEDBACKS if kinds > 3 else np.zeros(1)
    still = still.astype(np.float32)
    groups = np.flatnonzero(np.diff(pairs[:, 0], prepend=-np.inf))  # pairs of one centre stand together
    ends = [*groups[1:], len(pairs)]
    frame, ones = np.arange(count), np.ones(count, np.float32)
    coarse = []
    for rate in rates(t[-1]):
        which = (rate * t * BINS).astype(int) % BINS
        folded = (csr_array((ones, (which, frame)), (BINS, count)) @ flat).reshape(BINS, values, kinds)
        sums = np.sum([folded[b].take(index[b], axis=0) for b in range(BINS)], axis=0)
        scores = [_explained(sums, still, np.float32(g))[0] for g in gains]
        best = np.stack(scores, axis=1).reshape(len(pairs), -1)  # turns and feedbacks
        height = np.maximum.reduceat(best.max(1), groups)
        for k in np.flatnonzero((height >= np.append(0.0, height[:-1])) & (height > np.append(height[1:], 0.0))):
            pair = groups[k] + int(np.argmax(best[groups[k] : ends[k]].max(1)))
            turn, gain = divmod(int(np.argmax(best[pair])), gains.size)
            coarse.append((float(height[k]), rate, 2 * turn / BINS, *pairs[pair], float(gains[gain])))

    def seen(v: np.ndarray) -> tuple[float, float, float]:
        curve = v[2] + v[3] * wave(v[0] * t + v[1], np.clip(v[4], 0.0, 1.0))
        at = np.clip((curve - first) / step, 0.0, values - 1.001)
        whole = at.astype(int)
        part = (at - whole)[:, None]
        sums = np.sum((1.0 - part) * moving[frame, whole] + part * moving[frame, whole + 1], axis=0)
        score, dry, wet = _explained(sums, tables.still, np.clip(v[5], -0.95, 0.95) if kinds > 3 else 0.0)
        return float(score), float(dry), float(wet)

    steps = np.array([0.5 * FINENESS / t[-1], 0.03, 2.0 * step, 2.0 * step, 0.4, 0.1])

    def missing(v: np.ndarray) -> float:
        return 1.0 - seen(v)[0]

    gaps = np.array([1.0 / t[-1], np.inf, 4.0 * step])
    starts = [np.array([*c[1:5], 0.2, c[5]]) for c in apart(coarse, gaps)[:REFINED]]
    found = sorted((refined(missing, v, steps) for v in starts), key=missing)
    centres = np.arange(pairs[0, 0], pairs[-1, 0], step)  # all else may suit another centre better
    moved = np.stack([np.array([*found[0][:2], c, *found[0][3:]]) for c in centres])
    lack = np.array([missing(v) for v in moved])
    valleys = np.flatnonzero((lack <= np.append(np.inf, lack[:-1])) & (lack < np.append(lack[1:], np.inf)))
    found += [refined(missing, moved[k], steps) for k in valleys[np.argsort(lack[valleys])][:MOVED]]
    return ranked([_sweep(v, *seen(v)) for v in found], 2.0 * step)


def _sweep(v: np.ndarray, explained: float, dry: float, wet: float) -> Sweep:
    turn = 0.0 if v[3] >= 0.0 else 0.5
    shape, gain = float(np.clip(v[4], 0.0, 1.0)), float(np.clip(v[5], -0.95, 0.95))
    lfo = float(v[0]), float((v[1] + turn) % 1.0), shape, float(v[2]), float(abs(v[3]))
    return Sweep(*lfo, explained, (dry, wet, gain))
