"""Two partials of one falling pitch, as a tom's skin sounds, heard on the host."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from .clearness import clearness
from .falling_tone import RATE, FallingTone, beginning, falling_cycles, without

INTERVALS = np.geomspace(1.2, 3.0, 40)  # tried
SOONER = 0.5  # of the lower one's decay: the upper one's
LONGEST_S = 0.4  # of a sound that is looked at
ROUNDS = 30  # of refining
TURN = 2.0 * np.pi
RIDGE = 1e-9  # of the energy of the partials, for one of which nothing is left


class FallingPair(NamedTuple):
    """The lower partial, how many times as high the upper one is, which begins as a sine and is gone in half the time,
    and its level."""

    lower: FallingTone
    interval: float
    upper: float

    def sound(self, t: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
        """Both at times of even distance from 0."""
        angle, fall = TURN * self.lower.cycles(t), np.exp(-3.0 * np.log(10.0) * t / self.lower.t60_s)
        lower = self.lower.level * np.sin(angle + TURN * self.lower.phase) * fall
        return lower + self.upper * np.sin(self.interval * angle) * fall ** (1.0 / SOONER)


def falling_pair(
    x: Float[np.ndarray, " t"],
    sr: int,
    tones: Sequence[FallingTone],
    hz: tuple[float, float],
    most_st: float,
    most_hz: float,
) -> FallingPair | None:
    """The pair that takes most off `x` below `most_hz`, from each of `tones` as the lower partial and as the upper one:
    what stands out may be either. None without a tone.

    The interval is first that at which most is left beside the tone; then all is refined on the wave itself, with the
    levels, and the lower one's phase, solved for: each partial pulls at what is heard of the other. Once more with each
    moment weighed by how much else is left in it. The lower one ends between the two of `hz`.

    Reference: Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate", SIAM Journal on Numerical Analysis 10(2), 1973.
    """
    x, rate = beginning(x, sr, LONGEST_S, RATE * most_hz)
    clear = np.ones(x.size)
    starts = [start for tone in tones for start in _starts(x, rate, tone, hz)]
    found = [_refined(x, rate, start, clear, hz, most_st) for start in starts]
    if not found:
        return None
    v = min(found, key=lambda v: float(np.sum(_left(x, rate, v, clear)[0] ** 2)))
    clear = clearness(_left(x, rate, v, clear)[0], rate)
    v = _refined(x, rate, v, clear, hz, most_st)
    left, (re, im, upper) = _left(x, rate, v, clear)
    share = float(left @ left / max(np.sum((clear * x) ** 2), 1e-30))
    base, sweep_st, (sweep_s, t60_s, interval) = 2.0 ** v[0], v[1], np.exp(v[2:])
    level, phase = np.hypot(re, im), np.arctan2(im, re) / TURN
    lower = FallingTone(*map(float, (base, sweep_st, sweep_s, t60_s, level, phase, share)))
    return FallingPair(lower, float(interval), max(float(upper), 0.0))


def _starts(x: np.ndarray, rate: float, tone: FallingTone, hz: tuple[float, float]) -> Iterator[np.ndarray]:
    left, _ = without(x, rate, tone)
    for upper in (False, True):
        below = INTERVALS if upper else np.ones_like(INTERVALS)
        inside = (tone.hz / below >= hz[0]) & (tone.hz / below <= hz[1])
        if not inside.any():
            continue
        below, intervals = below[inside], INTERVALS[inside]
        decay = 1.0 / SOONER if upper else 1.0
        others = zip(1.0 / below if upper else intervals, intervals, strict=True)
        rests = [without(left, rate, tone, times, decay if upper else SOONER)[0] for times, _ in others]
        best = int(np.argmin([float(rest @ rest) for rest in rests]))
        log_s = np.log([tone.sweep_s, decay * tone.t60_s, intervals[best]])
        yield np.array([np.log2(tone.hz / below[best]), tone.sweep_st, *log_s])


def _refined(
    x: np.ndarray, rate: float, start: np.ndarray, clear: np.ndarray, hz: tuple[float, float], most_st: float
) -> np.ndarray:
    """The logarithms of the frequency, the sweep in semitones, and those of its time, the decay and the interval."""
    least = np.array([np.log2(hz[0]), 0.0, *np.log([0.004, 0.01, INTERVALS[0]])])
    most = np.array([np.log2(hz[1]), most_st, *np.log([0.6, 40.0, INTERVALS[-1]])])
    energy = max(float(np.sum((clear * x) ** 2)), 1e-30)
    return least_squares(
        lambda v: _left(x, rate, v, clear)[0] / np.sqrt(energy),
        np.clip(start, least + 1e-6, most - 1e-6),
        bounds=(least, most),
        x_scale=[0.02, 0.5, 0.2, 0.2, 0.01],
        max_nfev=ROUNDS,
    ).x


def _left(x: np.ndarray, rate: float, v: np.ndarray, clear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the best levels of both partials leave of `x`, as much as each moment counts, and these levels: of the
    lower one's sine and cosine, and of the upper one."""
    t = np.arange(x.size) / rate
    angle = TURN * falling_cycles(t, 2.0 ** v[0], v[1], np.exp(v[2]))
    fall = np.exp(-3.0 * np.log(10.0) * t / np.exp(v[3]))
    rows = clear * np.stack(
        [fall * np.sin(angle), fall * np.cos(angle), fall ** (1.0 / SOONER) * np.sin(np.exp(v[4]) * angle)]
    )
    gram = rows @ rows.T
    levels = np.linalg.solve(gram + RIDGE * np.trace(gram) * np.eye(3), rows @ (clear * x))
    return clear * x - levels @ rows, levels
