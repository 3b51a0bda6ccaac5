"""Reverb in the manner of a plate: diffusers, then a figure of eight of all-passes and delays."""

from dataclasses import dataclass
from math import ceil

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from .._separate import played
from ..dsp import fdn
from ..dsp.delay_line import read, tap
from ..dsp.echoes import impulse_response
from ..dsp.reverberation import tail
from ..dsp.state_space import lti
from ..dsp.svf import StateSpace

TUNED_AT = 29_761  # Hz: all lengths below are in samples at this rate
DIFFUSERS = ((142, 0.75), (107, 0.75), (379, 0.625), (277, 0.625))
TANK = (672, 4453, 1800, 3720, 908, 4217, 2656, 3163)  # all-pass, delay, all-pass, delay; and the other half
FIRST, SECOND = 0.7, 0.5  # coefficients of the tank's all-passes
LEFT = ((5, 266), (5, 2974), (6, -1913), (7, 1996), (1, -1990), (2, -187), (3, -1066))  # line, place; minus: sign
RIGHT = ((1, 353), (1, 3627), (2, -1228), (3, 2673), (5, -2111), (6, -335), (7, -121))
LEVEL = 0.6
LONGEST_PREDELAY_S = 0.2


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
        Param("predelay_ms", 0.1, 1e3 * LONGEST_PREDELAY_S, default=10.0, unit="ms", scale="log"),
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
        return fdn.Lines(delays, (loss * (1.0 - poles))[None], poles[None], jnp.asarray(_mixing(), loss.dtype))

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
        """Decay and mix from the tail, pre-delays from where it begins to rise out of what is dry."""
        heard = tail(source, reference, max(2, round(2e-3 * ctx.sr)), ctx.sr)
        if heard is None:
            return []
        onset = self._onset(source, reference, ctx.sr)
        guess = {"decay_s": float(np.clip(heard[0], 1.0, 20.0)), "mix": heard[1], "predelay_ms": onset}
        return [guess | {"damping": damping} for damping in (0.2, 0.6)]

    def _onset(self, source: np.ndarray, reference: np.ndarray, sr: int) -> float:
        """The pre-delay, in ms, at which the impulse response looks most like this plate's first 50 ms."""
        span, longest = round(0.05 * sr), round(LONGEST_PREDELAY_S * sr)
        h = impulse_response(source, reference, min(source.shape[1], longest + 2 * span))
        start = {q.name: q.default for q in self.params} | {"predelay_ms": 0.1, "mix": 1.0}
        like = played(self, start, np.eye(1, span, dtype=np.float32), Context(sr))[0]
        match = np.abs(np.correlate(h, like, "valid")) if h.size > span else np.zeros(1)
        match[: round(1e-3 * sr)] = 0.0
        return float(np.clip(1e3 * np.argmax(match) / sr, 0.2, 1e3 * LONGEST_PREDELAY_S))
