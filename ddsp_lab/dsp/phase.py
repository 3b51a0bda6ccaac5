"""Phases of oscillators, exact over minutes: of a constant frequency, and of one that moves.

A float32 that counts cycles has no bits left for the place within one: summed sample by sample, a phase is wrong by a
thousandth of a cycle after seconds, and its 64th harmonic by 64 times as much.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt

HALF_BITS = 12  # of the 24 of a float32: the product of two such halves is exact
UNROLL = 8
LOW_BITS = 8  # below a word of 32: the sum of 2^24 increments, six minutes at 48 kHz, still fits into a word


def wrapped(turns: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """Without whole turns, from 0 to 1."""
    return turns - jnp.floor(turns)


def per_sample(frequency_hz: Float[Array, "*t"], sr: int) -> tuple[Float[Array, "*t"], Float[Array, "*t"]]:
    r"""$f / f_s$ and what its rounding leaves out, together with the digits of two floats; the first has the gradient.

    Reference: Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18,
    1971 (a product of two numbers as the exact sum of those of their halves).
    """
    rounded = lax.optimization_barrier(frequency_hz * (1.0 / sr))
    f, whole = lax.stop_gradient((frequency_hz, rounded))
    upper = lax.reduce_precision(whole, 8, HALF_BITS - 1)
    lower, fine = whole - upper, 1 << max(0, int(sr).bit_length() - HALF_BITS)
    many, few = float(sr // fine * fine), float(sr % fine)
    left = (((f - upper * many) - upper * few) - lower * many) - lower * few
    return rounded, left * (1.0 / sr)


def _turns(step: Float[Array, "*#t"], count: Float[Array, "*#t"]) -> Float[Array, "*t"]:
    """`step * count` without most whole turns: the upper digits of `step` make exact products."""
    upper = jnp.floor(step * 2.0**HALF_BITS) / 2.0**HALF_BITS
    return wrapped(upper * count) + (step - upper) * count


def steady(frequency_hz: Float[Array, "*#t"], n: Int[Array, "*#t"], sr: int) -> Float[Array, "*t"]:
    r"""$f n / f_s \bmod 1$ in cycles at the samples $n$, to about $10^{-6}$ up to $n = 2^{24}$.

    The sample number $n = 4096 k + j$, the cycles of one sample and those of 4096, without the whole ones, are split
    into halves whose products are exact. The frequency has its gradient by the ordinary rules, because flooring has
    none.
    """
    step, left = per_sample(frequency_hz, sr)
    inside = (n & 2**HALF_BITS - 1).astype(step.dtype)
    block, count = (n >> HALF_BITS).astype(step.dtype), n.astype(step.dtype)
    return wrapped(_turns(step, inside) + _turns(wrapped(step * 2.0**HALF_BITS), block) + left * count)


def _words(high: UInt[Array, " t"], low: UInt[Array, " t"]) -> UInt[Array, " t"]:
    """The sums of all before each, what runs over from the low words carried into the high ones."""

    def add(s: tuple[Array, Array], v: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        return (s[0] + v[0], s[1] + v[1]), s[0] + (s[1] >> LOW_BITS)

    nothing = jnp.zeros((), high.dtype)
    return lax.platform_dependent(
        high,
        low,
        cpu=lambda high, low: lax.scan(add, (nothing, nothing), (high, low), unroll=UNROLL)[1],
        default=lambda high, low: jnp.cumsum(high) - high + ((jnp.cumsum(low) - low) >> LOW_BITS),
    )


def _before(x: Float[Array, " t"]) -> Float[Array, " t"]:
    """The sums of all before each."""
    return lax.platform_dependent(
        x,
        cpu=lambda x: lax.scan(lambda s, v: (s + v, s), jnp.zeros((), x.dtype), x, unroll=UNROLL)[1],
        default=lambda x: jnp.cumsum(x) - x,
    )


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def running(frequency_hz: Float[Array, " t"], sr: int) -> Float[Array, " t"]:
    r"""$\sum_{m < n} f_m / f_s \bmod 1$ in cycles, with an error that does not grow.

    In whole numbers, of $2^{-40}$ cycles, whose sums lose nothing: a word of 32 bits runs over where a turn is full,
    and a second one holds the 8 bits below. Negative frequencies turn backwards.
    """
    step, left = per_sample(frequency_hz, sr)
    word = (step - jnp.round(step)) * 2.0**32
    whole = jnp.floor(word)
    rest = (word - whole) + left * 2.0**32
    more = jnp.floor(rest)
    high = (whole.astype(jnp.int32) + more.astype(jnp.int32)).astype(jnp.uint32)
    low = jnp.floor((rest - more) * 2.0**LOW_BITS).astype(jnp.uint32)
    return (_words(high, low) >> 8).astype(step.dtype) * 2.0**-24


@running.defjvp
def _(sr, primals, tangents):
    (frequency_hz,), (change,) = primals, tangents
    return running(frequency_hz, sr), _before(change) * (1.0 / sr)
