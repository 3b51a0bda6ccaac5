"""Reverb in the manner of a plate: diffusers, then a figure of eight of all-passes and delays."""

from dataclasses import dataclass
from itertools import product
from math import ceil

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from .._separate import played
from ..dsp import fdn
from ..dsp.delay_line import read, tap
from ..dsp.reverberation import matches
from ..dsp.state_space import lti
from ..dsp.svf import StateSpace

TUNED_AT = 29_761  # Hz: all lengths below are in samples at this rate
DIFFUSERS = ((142, 0.75), (107, 0.75), (379, 0.625), (277, 0.625))
TANK = (672, 4453, 1800, 3720, 908, 4217, 2656, 3163)  # all-pass, delay, all-pass, delay; and the other half
FIRST, SECOND = 0.7, 0.5  # coefficients of the tank's all-passes
LEFT = ((5, 266), (5, 2974), (6, -1913), (7, 1996), (1, -1990), (2, -187), (3, -1066))  # line, place; minus: sign
RIGHT = ((1, 353), (1, 3627), (2, -1228), (3, 2673), (5, -2111), (6, -335), (7, -121))
LEVEL = 0.6
LONGEST_PREDELAY_S, SHORTEST_PREDELAY_MS = 0.2, 0.1
TRIED = {"decay_s": (1.5, 4.0, 12.0), "damping": (0.1, 0.5, 0.9), "bandwidth_hz": (1000.0, 3500.0, 12_000.0)}
KEPT = 5  # of these


def _mixing() -> np.ndarray:
    """What each line's input takes from the lines' outputs: with $v$ in and $w$ stored, an all-pass stores
    $w = x + g v$ and gives $v - g w$ (the first of a half; the second has $-g$)."""
    m = np.zeros((8, 8))
    for a, other in ((0, 7), (4, 3)):
        m[a, [a, other]] = FIRST, 1.0
        m[a + 1, [a, other]] = 1.0 - FIRST**2, -FIRST
        m[a + 2, [a + 1, a + 2]] = 1.0, -SECOND
        m[a + 3, [a + 1, a + 2]] = SECOND, 1.0 - SECOND**2
    return m


MIXING = tuple(map(tuple, _mixing().tolist()))
ROWS = np.array([[1.0, -FIRST, 0.0, 0.0] * 2]).T


@dataclass(frozen=True)
class Plate(StreamingBlock):
    r"""Pre-delay, a one-pole low-pass at `bandwidth_hz`, four all-pass diffusers, then two halves, each an all-pass, a
    delay damped by $(1 - d) / (1 - d z^{-1})$ with $d = 0.9\,$`damping`, an all-pass and a delay, each feeding the
    other. Either channel sums seven places along the lines; further channels repeat them.

    Unlike in the source, where four gains make up the decay, every line, those inside the all-passes too, loses
    $10^{-3 D / (f_s T)}$ on its $D$ samples: so all modes fall by 60 dB in just $T$ = `decay_s`, but for the damping.
    (In less than a second sound would not go round often enough to have a rate.) The all-passes are not modulated.

    References: Dattorro, "Effect design, part 1: reverberator and other filters", JAES 45(9), 1997; Jot, Chaigne,
    "Digital delay networks for designing artificial reverberators", AES 90th Convention, 1991.
    """

    params = (
        Param("decay_s", 1.0, 20.0, default=2.0, unit="s", scale="log"),
        Param("damping", 0.0, 1.0, default=0.3),
        Param("bandwidth_hz", 500.0, 20_000.0, default=12_000.0, unit="Hz", scale="log"),
        Param("predelay_ms", SHORTEST_PREDELAY_MS, 1e3 * LONGEST_PREDELAY_S, default=10.0, unit="ms", scale="log"),
        Param("mix", 0.0, 1.0, default=0.3, affine=True),
    )

    linear = True
    echoes = True
    couples_channels = True

    @staticmethod
    def _samples(at_design: int, sr: int) -> int:
        return max(2, round(at_design * sr / TUNED_AT))

    def _tank(self, p: Values, sr: int) -> fdn.Lines:
        delays = tuple(self._samples(n, sr) for n in TANK)
        loss = jnp.exp(-3.0 * np.log(10.0) / sr * jnp.asarray(delays) / p["decay_s"])
        poles = 0.9 * p["damping"] * np.isin(np.arange(8), (1, 5)).astype(np.float32)
        return fdn.Lines(delays, (loss * (1.0 - poles))[None], poles[None], MIXING)

    def init(self, channels: int, ctx: Context) -> State:
        return (
            jnp.zeros(ceil(LONGEST_PREDELAY_S * ctx.sr) + 3),
            jnp.zeros(1),
            [fdn.memory((self._samples(n, ctx.sr),)) for n, _ in DIFFUSERS],
            fdn.memory(tuple(self._samples(n, ctx.sr) for n in TANK)),
        )

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        line, low, diffusers, tank = state
        samples = x.shape[1]
        line = jnp.concatenate([line.astype(x.dtype), jnp.mean(x, axis=0)])
        late = read(line, tap(p["predelay_ms"] * (1e-3 * ctx.sr), state[0].shape[0] - 3), samples)
        change = jnp.expm1(-2.0 * np.pi * jnp.minimum(p["bandwidth_hz"] / ctx.sr, 0.49))  # the pole, less 1
        one_pole = StateSpace(change[None, None], -change[None], 1.0 + change[None], -change)
        low, y = lti(one_pole, late, low.astype(x.dtype))
        y, through = y[:, None], []
        for (n, g), before in zip(DIFFUSERS, diffusers, strict=True):
            after, v = fdn.comb(y, (self._samples(n, ctx.sr),), -g, before)
            y = v + g * (y - g * v)
            through.append(after)
        net = self._tank(p, ctx.sr)
        after, w = fdn.passing(y, ROWS, net, tank)
        wet = jnp.stack([self._heard(w, places, samples, ctx.sr) for places in (LEFT, RIGHT)])
        wet = LEVEL * wet[np.arange(x.shape[0]) % 2]
        return (line[samples:], low, through, after), (1.0 - p["mix"]) * x + p["mix"] * wet

    def _heard(self, w: Array, places: tuple[tuple[int, int], ...], samples: int, sr: int) -> Array:
        first = ((i, k, w.shape[0] - samples - self._samples(abs(k), sr)) for i, k in places)
        return sum(np.sign(k) * w[n : n + samples, i] for i, k, n in first)  # pyright: ignore[reportReturnType]

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """A few plates without pre-delay on the source; those that explain most, at the pre-delays where they do."""
        longest = round(LONGEST_PREDELAY_S * ctx.sr)
        grid = [dict(zip(TRIED, values, strict=True)) for values in product(*TRIED.values())]
        wets = [played(self, g | {"predelay_ms": SHORTEST_PREDELAY_MS, "mix": 1.0}, source, ctx) for g in grid]
        found = zip(matches(source, reference, wets, longest), grid, strict=True)
        best = sorted(found, key=lambda f: f[0].left)[:KEPT]
        top = 1e3 * LONGEST_PREDELAY_S
        delays = (min(top, SHORTEST_PREDELAY_MS + 1e3 * m.samples / ctx.sr) for m, _ in best)
        return [g | {"predelay_ms": delay, "mix": m.mix} for delay, (m, g) in zip(delays, best, strict=True)]
