"""Ladder filter: four poles, resonance and saturation."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import svf
from ..dsp.ladder import ladder, output
from ..dsp.levels import amplitude


@dataclass(frozen=True)
class LadderFilter(StreamingBlock):
    r"""$y = H^4 \tanh(g x - k y)$, $H(s) = 1 / (1 + s)$, $s = (z - 1) / (z + 1) / \tan(\pi f / f_s)$, $k = 4 r$.

    The loop holds no delay: each sample solves it. At $r = 1$ it is about to oscillate by itself, kept within bounds by
    the tanh. A cutoff above 0.49 of the sample rate acts at 0.49. What the saturation adds above Nyquist is
    `oversample(ladder_filter)`'s business.

    References: Zavalishin, "The Art of VA Filter Design", Native Instruments, 2018, section 5; Huovilainen,
    "Non-linear digital implementation of the Moog ladder filter", DAFx, 2004.
    """

    params = (
        Param("cutoff_hz", 50.0, 20_000.0, default=4000.0, unit="Hz", scale="log", automatable=True),
        Param("resonance", 0.0, 1.0, default=0.3, automatable=True),
        Param("drive_db", 0.0, 40.0, default=0.0, unit="dB", automatable=True),
    )
    sequential = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, 4))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        gamma = svf.warp(p["cutoff_hz"], ctx.sr)
        g, k = (jnp.broadcast_to(v, x.shape[1:]) for v in (gamma / (1.0 + gamma), 4.0 * p["resonance"]))
        pushed = amplitude(p["drive_db"]) * x
        states, w, end = jax.vmap(ladder, (0, None, None, 0))(pushed, g, k, state.astype(x.dtype))
        return end, jax.vmap(output, (0, 0, None))(states, w, g)
