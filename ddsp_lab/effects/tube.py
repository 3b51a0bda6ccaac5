"""Tube: an asymmetric curve whose operating point gives way under load."""

from dataclasses import dataclass

import jax.numpy as jnp

from .._block import Audio, Context, State, Values
from .._param import Param
from .._shaper import Shaper
from ..dsp import oversample as rates
from ..dsp.ballistics import mean_over
from ..dsp.levels import amplitude


@dataclass(frozen=True)
class Tube(Shaper):
    r"""$y = f(g x + o) - f(o)$, $o = b - s\,e$, with $f(v) = \tanh v$ above zero and $2 \tanh(v / 2)$ below.

    The grid conducts where $g x > 0$ and charges its capacitor: $e$ is the running mean of $\max(\tanh g x, 0)$ over
    `recovery_ms`, $s$ the shift. Loud notes so move the operating point towards cut-off, and back as they fade.
    With `oversample` above 1 the curve runs at that multiple of the sample rate, 64 samples late.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 4.3.2.
    """

    params = (
        Param("drive_db", 0.0, 40.0, default=12.0, unit="dB", automatable=True),
        Param("bias", -1.0, 1.0, default=0.2),
        Param("shift", 0.0, 2.0, default=0.5),
        Param("recovery_ms", 5.0, 500.0, default=50.0, unit="ms", scale="log"),
    )

    def arrivals(self, sr: int) -> dict[str, int]:
        return {}  # the drive acts before all else

    def init(self, channels: int, ctx: Context) -> State:
        k = self.oversample
        return jnp.zeros(channels), (rates.no_history(2 * channels, k, channels), ()) if k > 1 else ()

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        before, inner = state
        pushed = amplitude(p["drive_db"]) * x
        current = jnp.tanh(jnp.where(pushed > 0.0, pushed, 0.0))
        charge = mean_over(current, 1e-3 * p["recovery_ms"], ctx.sr, before.astype(x.dtype))
        inner, y = super().step(p, inner, jnp.concatenate([pushed, charge]), ctx)
        return (charge[:, -1], inner), y

    def begin(self, channels: int, ctx: Context) -> State:
        return ()

    def bend(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        pushed, charge = jnp.split(x, 2)
        point = p["bias"] - p["shift"] * charge
        return state, _plate(pushed + point) - _plate(point)


def _plate(v: Audio) -> Audio:
    return jnp.where(v > 0.0, jnp.tanh(v), 2.0 * jnp.tanh(0.5 * v))
