"""Low-frequency oscillators, and carriers: phases that stay exact over minutes and in pieces."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._block import Context
from .._param import Param
from .phase import steady, wrapped

RATE = Param("rate_hz", 0.05, 10.0, default=1.0, unit="Hz", scale="log")
DEPTH = Param("depth", 0.0, 1.0, default=0.5)
SHAPE = Param("shape", 0.0, 1.0, default=0.0)  # from a sine to a triangle
PHASE = Param("phase", 0.0, 1.0, default=0.0)  # in cycles, when the recording begins; 0 and 1 are the same


def cycles(rate_hz: Float[Array, ""], phase: Float[Array, ""], ctx: Context, samples: int) -> Float[Array, " t"]:
    r"""$\varphi + f t \bmod 1$ at each of `samples` samples from `ctx.start_s` on, to about $10^{-6}$ cycles.

    In float32, $f t$ as it stands is wrong by a thousandth of a cycle after a minute of an LFO, after a second of a
    carrier.
    """
    n = jnp.round(jnp.asarray(ctx.start_s) * ctx.sr).astype(jnp.int32) + jnp.arange(samples, dtype=jnp.int32)
    return wrapped(phase + steady(rate_hz, n, ctx.sr))


def wave(turns: Float[Array, "*t"], shape: Float[Array, ""]) -> Float[Array, "*t"]:
    """From a sine (`shape` 0) to the triangle with the same zeros and peaks (1), between -1 and 1."""
    sine = jnp.sin(2.0 * jnp.pi * turns)
    quarter = turns + 0.75
    return sine + shape * (4.0 * jnp.abs(quarter - jnp.floor(quarter) - 0.5) - 1.0 - sine)
