"""Where a line of pitches steps from one note to the next, on the host."""

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

LEAST, HELD_S = 0.7, 0.05  # semitones, and for how long, that make another note
GRID = 0.25  # semitones between two levels
STEEP = 0.6  # of the range of a piece: a last quarter so far from the first is on its way, not there


def levels(midi: Float[np.ndarray, " n"], voiced: Bool[np.ndarray, " n"], hop_s: float) -> Int[np.ndarray, " n"]:
    r"""Which of a row of pitches each frame keeps to: $\min_\mu \sum_n h \min(|m_n - \mu_n|, 0.7) + \lambda\,\#\{\mu_n
    \neq \mu_{n-1}\}$, with $\lambda$ what it costs to ignore a step for 50 ms, however far it goes.

    Vibrato of up to a semitone to either side is cheaper to ignore than to follow. Unvoiced frames have no say.

    Reference: Potts, "Some generalized order-disorder transformations", Mathematical Proceedings of the Cambridge
    Philosophical Society 48(1), 1952; solved exactly by dynamic programming.
    """
    if not np.any(voiced):
        return np.zeros(midi.size, int)
    row = np.arange(midi[voiced].min(), midi[voiced].max() + GRID, GRID)
    cost = hop_s * np.where(voiced[:, None], np.minimum(np.abs(midi[:, None] - row), LEAST), 0.0)
    least, came = cost[0].copy(), np.empty((midi.size, row.size), int)
    for n in range(midi.size):
        best = int(np.argmin(least))
        stays = least <= least[best] + LEAST * HELD_S
        came[n] = np.where(stays, np.arange(row.size), best)
        least = np.where(stays, least, least[best] + LEAST * HELD_S) + cost[n]
    path = np.empty(midi.size, int)
    at = int(np.argmin(least))
    for n in range(midi.size - 1, -1, -1):
        path[n] = at
        at = came[n, at]
    return path


def _glides(piece: Float[np.ndarray, " n"]) -> bool:
    part = -(-piece.size // 4)
    low, high = np.percentile(piece, (5, 95))  # a transient's few frames are no part of a glide
    return abs(float(np.median(piece[-part:]) - np.median(piece[:part]))) > max(STEEP * (high - low), 0.5 * LEAST)


def steps(midi: Float[np.ndarray, " n"], voiced: Bool[np.ndarray, " n"], hop_s: float) -> list[int]:
    """Frames at which another note begins. A piece that is but a glide belongs to the note that it leads to."""
    level = levels(midi, voiced, hop_s)
    edges = [0, *(1 + np.flatnonzero(np.diff(level))), midi.size]
    found: list[int] = []
    start, now = 0, None  # of the piece, with the glide to it; and the pitch of the note that sounds
    for first, end in pairwise(edges):
        piece = midi[first:end][voiced[first:end]]
        if piece.size == 0 or _glides(piece):
            continue
        pitch = float(np.median(piece))
        if now is None:
            now = pitch
        elif abs(pitch - now) >= LEAST:
            found.append(start + int(np.argmax(voiced[start:end])))
            now = pitch
        start = end
    return found
