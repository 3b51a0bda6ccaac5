"""A tone that dies away through a soft limit: how hard it was driven, from how its level falls."""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

DRIVES_DB = np.linspace(0.0, 24.0, 17)
DECAYS_S = np.geomspace(0.03, 6.0, 64)
DEEP_DB = 40.0  # below the loudest, that is compared
PERIODS = 1.5  # that a level is the mean of
BLOCK_S = 0.004


class DrivenDecay(NamedTuple):
    drive_db: float
    t60_s: float
    level: float


@cache
def _fundamental() -> tuple[np.ndarray, np.ndarray]:
    """The amplitude of the fundamental of $\\tanh(a \\sin\\theta)$, over a."""
    a, angle = np.geomspace(1e-6, 100.0, 400), np.pi * (np.arange(256) + 0.5) / 256
    return a, 2.0 * np.mean(np.tanh(a[:, None] * np.sin(angle)) * np.sin(angle), axis=1)


def level_along(
    x: Float[np.ndarray, " t"], cycles: Float[np.ndarray, " t"], hz: float, sr: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Times in s and the level of the partial of `x` whose phase is `cycles` and whose frequency ends at `hz`."""
    width = max(1, round(PERIODS * sr / hz))
    turned = np.pad(2.0 * x * np.exp(-2j * np.pi * cycles), (1, 0)).cumsum()
    starts = np.arange(0, max(1, x.size - width), max(1, round(BLOCK_S * sr)))
    ends = np.minimum(starts + width, x.size)
    return 0.5 * (starts + ends) / sr, np.abs(turned[ends] - turned[starts]) / np.maximum(ends - starts, 1)


def driven_decay(t: Float[np.ndarray, " n"], level: Float[np.ndarray, " n"]) -> DrivenDecay | None:
    r"""The drive $d$, the decay $T$ and the level $l$ of $l\,F(d\,10^{-3 t / T}) / \tanh d$ nearest to a level over
    time, in dB, where $F(a)$ is the fundamental's share of $\tanh(a \sin\theta)$; None of silence.

    Reference: Gelb, Vander Velde, "Multiple-input describing functions and nonlinear system design", McGraw-Hill, 1968.
    """
    if not level.size or level.max() <= 0.0:
        return None
    told = level > level.max() * 10.0 ** (-DEEP_DB / 20.0)
    t, level_db = t[told], 20.0 * np.log10(level[told])
    a, share = _fundamental()
    drive = 10.0 ** (DRIVES_DB / 20.0)
    inside = drive[:, None, None] * 10.0 ** (-3.0 * t / DECAYS_S[:, None])
    wanted_db = 20.0 * np.log10(np.interp(inside, a, share) / np.tanh(drive)[:, None, None])
    off_db = level_db - wanted_db
    middle = np.mean(off_db, axis=2)
    error = np.mean(np.abs(off_db - middle[..., None]), axis=2)
    i, k = np.unravel_index(np.argmin(error), error.shape)
    return DrivenDecay(float(DRIVES_DB[i]), float(DECAYS_S[k]), float(10.0 ** (middle[i, k] / 20.0)))
