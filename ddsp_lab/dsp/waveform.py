"""What distances between waveforms share: the samples that are real, and their errors, means and decibels."""

from math import log
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

TINY = 1e-20  # energy; keeps formulas defined where there is none


class Recording(NamedTuple):
    """A recording whose first `length` samples are real; zeros follow."""

    samples: Float[Array, "c t"]
    length: Int[Array, ""]


def recording(samples: Float[Array, "c t"], length: Int[Array, ""] | int | None = None) -> Recording:
    return Recording(samples, jnp.asarray(samples.shape[1] if length is None else length))


def real_samples(x: Float[Array, "c t"], length: Int[Array, ""]) -> Float[Array, "c t"]:
    """`x` with zeros after `length`."""
    return jnp.where(jnp.arange(x.shape[1]) < length, x, 0.0)


def centred(x: Float[Array, "c t"], length: Int[Array, ""]) -> Float[Array, "c t"]:
    """`x` less each channel's mean, with zeros after `length`."""
    x = real_samples(x, length)
    return real_samples(x - jnp.sum(x, 1, keepdims=True) / length, length)


def heard(x: Float[Array, "c t"], length: Int[Array, ""], zero_mean: bool) -> Float[Array, "c t"]:
    """`x` with zeros after `length`, less each channel's mean where that is not to count."""
    return centred(x, length) if zero_mean else real_samples(x, length)


def mean_of_real(x: Float[Array, "c t"], length: Int[Array, ""]) -> Float[Array, ""]:
    """The mean over channels and the first `length` samples, of what is zero after them."""
    return jnp.sum(x) / (length * x.shape[0])


def decibels_above(noise: Float[Array, ""], signal: Float[Array, ""], limit_db: float) -> Float[Array, ""]:
    r"""$10 \log_{10}(1 + 10^{L/10}\,N/S)$: the limit less the ratio $S/N$ in dB where that is well below the limit.

    Never below zero, and exactly zero without noise; without signal either, the limit.
    """
    least = 10.0 ** (-limit_db / 10.0) * (signal + TINY)
    # a difference of logarithms, because the slope of a quotient this large overflows
    return 10.0 / log(10.0) * (jnp.log(least + noise) - jnp.log(least))
