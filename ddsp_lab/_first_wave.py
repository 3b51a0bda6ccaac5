"""Where a descent on a wave may begin: guesses laid over what sounds at first, and what is drawn about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import find_peaks

from ._block import Block, Context, Values
from ._separate import played

LAG_S, LAGS = 2e-3, 3  # how far a guess may be off in time, and at how many places it is tried
ALIKE = 1e-5  # likeness that differs by less is that of one guess in two readings
MOST = 24  # guesses about which others are drawn
VARIED, NEARBY, REDRAWN = 15, 0.05, 0.2  # how many, how far, and how many of their coordinates are drawn anew
SLIGHTLY = 0.2  # of that, what stands still moves all the same
ONES, GROUPS = 2, 16  # how often each alone is drawn, and those that belong together
HALVES = 6  # how often half of another point is taken


class Laid(NamedTuple):
    """Which guess, and how much later it is most like the recording: -1 to 1."""

    guess: int
    later_s: float
    like: float


def laid_over(
    chain: Block,
    guesses: Sequence[tuple[Any, Values]],
    wanted: Float[np.ndarray, " t"],
    seconds: float,
    sr: int,
) -> list[Laid]:
    """The guesses whose first `seconds` look most like those of the recording, the likeliest first."""
    found: dict[int, Laid] = {}
    for guess, (line, values) in enumerate(guesses):
        y = played(chain, values, line, Context(sr)).mean(axis=0)
        onset = min(round(float(line.onset_s[0]) * sr), wanted.size - 1)
        for lag, like in _likest(wanted[onset : onset + round(seconds * sr)], y, onset, round(LAG_S * sr)):
            found.setdefault(round(like / ALIKE), Laid(guess, lag / sr, like))
    return sorted(found.values(), key=lambda laid: -laid.like)[:MOST]


def _likest(wanted: np.ndarray, y: np.ndarray, at: int, most: int) -> list[tuple[int, float]]:
    """The lags at which `y` is most like a passage that begins `at`, and its correlation there."""
    lags = np.arange(-most, min(most, at) + 1)
    passages = np.lib.stride_tricks.sliding_window_view(np.pad(y, (0, most + wanted.size)), wanted.size)[at - lags]
    powers = np.sum(np.square(passages), axis=1) * np.sum(np.square(wanted))
    like = passages @ wanted / np.sqrt(powers + 1e-12)
    peaks, _ = find_peaks(np.pad(like, 1, constant_values=-1.0))
    best = sorted(peaks - 1, key=lambda i: -like[i])[:LAGS]
    return [(int(lags[i]), float(like[i])) for i in best]


def varied(random: np.random.Generator, u: Float[np.ndarray, " n"], still: np.ndarray) -> Float[np.ndarray, "k n"]:
    """A point and others about it; of the coordinates that stand `still` none is drawn anew."""
    about = np.repeat(u[None], VARIED, axis=0)
    anew = (random.random(about.shape) < REDRAWN) & ~still
    near = about + NEARBY * random.standard_normal(about.shape) * np.where(still, SLIGHTLY, 1.0)
    return np.concatenate([u[None], np.clip(np.where(anew, random.random(about.shape), near), 0.0, 1.0)])


def redrawn(
    random: np.random.Generator, u: Float[np.ndarray, " n"], still: np.ndarray, together: Bool[np.ndarray, "g n"]
) -> Float[np.ndarray, "k n"]:
    """Points that differ from one in one coordinate, or in some that belong `together`, which are drawn anew."""
    alone = np.tile(np.eye(u.size, dtype=bool)[~still], (ONES, 1))
    anew = np.concatenate([alone, np.tile(together, (GROUPS, 1))])
    return np.where(anew, random.random(anew.shape), u)


def crossed(
    random: np.random.Generator,
    u: Float[np.ndarray, " n"],
    still: np.ndarray,
    others: Float[np.ndarray, "m n"],
    together: Bool[np.ndarray, "g n"],
) -> Float[np.ndarray, "k n"]:
    """Points that have half of their coordinates of another point, any or what belongs `together`."""
    halves = random.random((len(others), HALVES, u.size)) < 0.5
    groups = np.broadcast_to(together, (len(others), *together.shape))
    taken = np.concatenate([halves, groups], axis=1) & ~still
    return np.where(taken, others[:, None], u).reshape(-1, u.size)


def belonging(names: Sequence[str]) -> Bool[np.ndarray, "g n"]:
    """Which coordinates belong together: those of several parameters whose names begin with one word, as those of an
    envelope do."""
    params = np.array([name.partition("[")[0] for name in names])
    words = np.array([f"{path}.{name.split('_')[0]}" for path, _, name in (param.rpartition(".") for param in params)])
    groups = [words == word for word in dict.fromkeys(words.tolist())]
    return np.reshape([group for group in groups if np.unique(params[group]).size > 1], (-1, params.size)).astype(bool)
