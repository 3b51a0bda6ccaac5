"""Ring modulator: the sound times a carrier."""

from dataclasses import dataclass

import jax.numpy as jnp

from .._block import Audio, Block, Context, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.svf import HIGHEST


@dataclass(frozen=True)
class RingModulator(Block):
    r"""$y_n = x_n\,(1 - m + m \sin(2 \pi (f t_n + \varphi)))$: each partial becomes two, $f$ above and $f$ below it.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 3.3.
    """

    params = (
        Param("frequency_hz", 1.0, 5000.0, default=220.0, unit="Hz", scale="log"),
        lfo.PHASE,
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    memoryless = linear = inverts = True
    time_invariant = False

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        frequency = jnp.minimum(p["frequency_hz"], HIGHEST * ctx.sr)
        carrier = jnp.sin(2.0 * jnp.pi * lfo.cycles(frequency, p["phase"], ctx, x.shape[1]))
        return x * (1.0 - p["mix"] + p["mix"] * carrier)
