"""Vibrato: a slow change of pitch."""

from dataclasses import dataclass, replace
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.lfo_fit import within
from ..dsp.modulated_delay import modulated_read
from ..dsp.sweep_fit import sweeps
from ..dsp.sweep_tables import delay_tables

LATENCY = 2  # samples: the least that the interpolation can read back
DEEPEST_MS = 4.0
PAIRS_MS = np.array([(c, c) for c in np.geomspace(0.05, 0.5 * DEEPEST_MS, 40)])


@dataclass(frozen=True)
class Vibrato(StreamingBlock):
    r"""$y(t) = x(t - \tfrac s2 (1 + l(t)))$, $l$ an LFO and $s$ the swing `depth_ms` of the delay.

    The pitch swings by a factor of $1 \pm \pi f s$ where the LFO is a sine of rate $f$: 1 ms at 5 Hz is a quarter tone
    either way.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 2.6.
    """

    params = (
        replace(lfo.RATE, default=5.0),
        Param("depth_ms", 0.0, DEEPEST_MS, default=1.0, unit="ms", automatable=True),
        lfo.SHAPE,
        replace(lfo.PHASE, default=0.75),
    )

    linear = True
    time_invariant = False
    inverts = True  # by its first arrival: the interpolation has a small negative lobe before the delay

    def latency_samples(self, sr: int) -> int:
        return LATENCY

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(1e-3 * DEEPEST_MS * ctx.sr) + LATENCY + 3))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        wave = lfo.wave(lfo.cycles(p["rate_hz"], p["phase"], ctx, x.shape[1]), p["shape"])
        delay = LATENCY + p["depth_ms"] * (0.5e-3 * ctx.sr) * (1.0 + wave)
        return jax.vmap(modulated_read, (0, None, 0))(x, delay, state.astype(x.dtype))

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The LFOs whose delay explains the reference best."""
        tables = delay_tables(source, reference, ctx.sr, 1e-3 * DEEPEST_MS, feedback=False)
        found = sweeps(tables, 1e-3 * PAIRS_MS)
        return [within(self.params, s, {"depth_ms": 1e3 * (s.centre + s.swing)}) for s in found]
