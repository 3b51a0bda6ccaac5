"""A falling tone through a soft limit, refined on the wave itself, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from .clearness import clearness
from .falling_tone import FallingTone, beginning, falling_cycles

RATE_HZ = 11_000.0  # at least
LONGEST_S = 0.4  # of a sound that is looked at
TURNS, ROUNDS = 2, 40  # of weighing anew; of refining
SHORTEST_S, SLOWEST_S = 0.004, 40.0
MOST_DB = 24.0  # of drive
SCALES = (0.02, 0.5, 0.2, 0.2, 1.0, 0.05)  # of the numbers that are refined


class DrivenTone(NamedTuple):
    r"""$l \tanh(d\,10^{-3 t / T} \sin(\varphi(t) + 2 \pi p)) / \tanh d$: the tone has the level $l$."""

    tone: FallingTone
    drive_db: float


def driven_tone(
    x: Float[np.ndarray, " t"], sr: int, tone: FallingTone, drive_db: float, hz: tuple[float, float], most_st: float
) -> DrivenTone:
    """The driven tone near another that is nearest to `x`, and ends between the two of `hz`.

    What a limit adds lies on whole multiples and, where a tone falls quickly, on the tone itself; so the limit is part
    of what is refined. Every moment is weighed by how much else is left in it.
    """
    x, rate = beginning(x, sr, LONGEST_S, RATE_HZ)
    t, clear = np.arange(x.size) / rate, np.ones(x.size)

    def wave(v: np.ndarray) -> np.ndarray:
        angle = 2.0 * np.pi * (falling_cycles(t, 2.0 ** v[0], v[1], np.exp(v[2])) + v[5])
        drive = 10.0 ** (v[4] / 20.0)
        return np.tanh(drive * np.sin(angle) * np.exp(-3.0 * np.log(10.0) * t / np.exp(v[3]))) / np.tanh(drive)

    def level(v: np.ndarray) -> float:
        y = clear * wave(v)
        return float(y @ (clear * x) / max(y @ y, 1e-30))

    def left(v: np.ndarray) -> np.ndarray:
        return clear * (x - level(v) * wave(v)) / max(np.linalg.norm(clear * x), 1e-30)

    least = np.array([np.log2(hz[0]), 0.0, *np.log([SHORTEST_S, SHORTEST_S]), 0.0, tone.phase - 0.5])
    most = np.array([np.log2(hz[1]), most_st, *np.log([SLOWEST_S, SLOWEST_S]), MOST_DB, tone.phase + 0.5])
    v = np.array([np.log2(tone.hz), tone.sweep_st, *np.log([tone.sweep_s, tone.t60_s]), drive_db, tone.phase])
    for _ in range(TURNS):
        start = np.clip(v, least + 1e-6, most - 1e-6)
        v = least_squares(left, start, bounds=(least, most), x_scale=SCALES, max_nfev=ROUNDS).x
        clear = clearness(left(v) / clear, rate)
    (sweep_s, t60_s), phase = np.exp(v[2:4]), (v[5] + 0.5) % 1.0 - 0.5
    found = (2.0 ** v[0], v[1], sweep_s, t60_s, max(level(v), 0.0), phase, np.sum(left(v) ** 2))
    return DrivenTone(FallingTone(*map(float, found)), float(v[4]))
