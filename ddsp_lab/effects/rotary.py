"""Rotary speaker: a turning horn above, a turning drum below."""

from dataclasses import dataclass, replace
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.modulated_delay import modulated_read
from ..dsp.state_space import lti
from ..dsp.svf import StateSpace, warp

LATENCY = 2  # samples: the least that the interpolation can read back
SWING_MS = 0.6  # of the horn's path: 20 cm
DRUM = 0.6  # of the horn's depth


@dataclass(frozen=True)
class Rotary(StreamingBlock):
    r"""$y = a_h(t)\,x_h(t - \tau_h(t)) + a_d(t)\,x_d$ of a horn above `crossover_hz` and a drum below.

    The horn comes nearer and goes away by 20 cm at full `depth`, $\tau = 0.3\,\mathrm{ms}\;d\,(1 + l)$, and is louder
    in front, $a = 1 - \tfrac d2 (1 + l)$; the drum only changes in level, by 0.6 of that. $l$ is a sine at each one's
    own rate. The crossover is a one-pole low-pass and what it leaves, so that both together are the sound itself where
    nothing turns. Each further channel hears the horn and the drum a quarter turn later.

    Reference: Smith, Serafin, Abel, Berners, "Doppler simulation and the Leslie", DAFx-02, 2002.
    """

    params = (
        replace(lfo.RATE, default=6.6),
        Param("drum_rate_hz", 0.05, 10.0, default=5.7, unit="Hz", scale="log"),
        replace(lfo.DEPTH, default=0.7, automatable=True),
        Param("crossover_hz", 200.0, 2000.0, default=800.0, unit="Hz", scale="log"),
        replace(lfo.PHASE, default=0.75),
    )

    linear = True
    time_invariant = False

    def latency_samples(self, sr: int) -> int:
        return LATENCY

    def init(self, channels: int, ctx: Context) -> State:
        longest = ceil(1e-3 * SWING_MS * ctx.sr) + LATENCY + 3
        return jnp.zeros((channels, 1)), jnp.zeros((channels, longest)), jnp.zeros((channels, longest))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        pole, high, low = (s.astype(x.dtype) for s in state)
        g = warp(p["crossover_hz"], ctx.sr)
        g = g / (1.0 + g)
        one_pole = StateSpace(jnp.reshape(-2.0 * g, (1, 1)), 2.0 * g[None], 1.0 - g[None], g)
        pole, below = lti(one_pole, x, pole)
        turn = 0.25 * np.arange(len(x))[:, None]
        horn, drum = (
            0.5 * p["depth"] * (1.0 + lfo.wave(lfo.cycles(p[k], p["phase"], ctx, x.shape[1]) + turn, jnp.zeros(())))
            for k in ("rate_hz", "drum_rate_hz")
        )
        high, above = jax.vmap(modulated_read)(x - below, LATENCY + horn * (1e-3 * SWING_MS * ctx.sr), high)
        low, below = jax.vmap(modulated_read, (0, None, 0))(below, jnp.full(x.shape[1], float(LATENCY)), low)
        return (pole, high, low), (1.0 - horn) * above + (1.0 - DRUM * drum) * below
