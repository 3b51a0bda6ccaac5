"""Low-frequency oscillators, and carriers: phases that stay exact over minutes and in pieces."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._block import Context
from .._param import Param

RATE = Param("rate_hz", 0.05, 10.0, default=1.0, unit="Hz", scale="log")
DEPTH = Param("depth", 0.0, 1.0, default=0.5)
SHAPE = Param("shape", 0.0, 1.0, default=0.0)  # from a sine to a triangle
PHASE = Param("phase", 0.0, 1.0, default=0.0)  # in cycles, when the recording begins; 0 and 1 are the same

BLOCK_BITS = 12  # half the bits of a float32: the product of two such numbers is exact


def _turns(per_step: Float[Array, ""], steps: Float[Array, " t"]) -> Float[Array, " t"]:
    """`per_step * steps` without most whole turns: the upper bits of `per_step` make exact products."""
    upper = jnp.floor(per_step * 2.0**BLOCK_BITS) / 2.0**BLOCK_BITS
    whole = upper * steps
    return whole - jnp.floor(whole) + (per_step - upper) * steps


def cycles(rate_hz: Float[Array, ""], phase: Float[Array, ""], ctx: Context, samples: int) -> Float[Array, " t"]:
    r"""$\varphi + f t \bmod 1$ at each of `samples` samples from `ctx.start_s` on.

    In float32, $f t$ as it stands is wrong by a thousandth of a cycle after a minute of an LFO, after a second of a
    carrier. Here the sample number $n = 4096 k + j$, the cycles of one sample and those of 4096, without the whole
    ones, are split into halves whose products are exact: the error stays below $10^{-6}$ cycles. The rate has its
    gradient by the ordinary rules, because flooring has none.
    """
    per_sample = lax.optimization_barrier(rate_hz * (1.0 / ctx.sr))  # rounded before it is split
    n = jnp.round(jnp.asarray(ctx.start_s) * ctx.sr).astype(jnp.int32) + jnp.arange(samples, dtype=jnp.int32)
    dtype = jnp.result_type(per_sample)
    inside, block = (n & 2**BLOCK_BITS - 1).astype(dtype), (n >> BLOCK_BITS).astype(dtype)
    per_block = per_sample * 2.0**BLOCK_BITS
    turns = phase + _turns(per_sample, inside) + _turns(per_block - jnp.floor(per_block), block)
    return turns - jnp.floor(turns)


def wave(turns: Float[Array, "*t"], shape: Float[Array, ""]) -> Float[Array, "*t"]:
    """From a sine (`shape` 0) to the triangle with the same zeros and peaks (1), between -1 and 1."""
    sine = jnp.sin(2.0 * jnp.pi * turns)
    quarter = turns + 0.75
    return sine + shape * (4.0 * jnp.abs(quarter - jnp.floor(quarter) - 0.5) - 1.0 - sine)
