"""Levels of signals over stretches of time, blind to the zeros that recordings of other lengths are padded with."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from .levels import power_db
from .stft import hann, stft
from .waveform import real_samples

CREST_FLOOR = 1e-7  # power: -70 dB
ROUNDING = 1e-5  # of a level in bel: 0.0001 dB


def pieces(x: Float[Array, "c t"], size: int) -> Float[Array, "c n size"]:
    """`x` cut into pieces of `size` samples, the last one filled up with zeros."""
    return jnp.pad(x, ((0, 0), (0, -x.shape[1] % size))).reshape(x.shape[0], -1, size)


def counts(x: Float[Array, "c t"], size: int, length: Int[Array, ""]) -> Float[Array, " n"]:
    """How many real samples each of the `pieces` holds."""
    starts = size * np.arange(-(-x.shape[1] // size))
    return jnp.clip(length - starts, 0, size).astype(x.dtype)


def moving_sums(v: Float[Array, "c n"], width: int) -> Float[Array, "c n"]:
    """Sums of `width` neighbours about each, of those that there are."""
    if width <= 1:
        return v
    return lax.reduce_window(v, np.zeros((), v.dtype)[()], lax.add, (1, width), (1, 1), "SAME")


def moving_means(
    power: Float[Array, "c t"], hop: int, width: int, length: Int[Array, ""]
) -> tuple[Float[Array, "c n"], Bool[Array, " n"]]:
    """Means of the real samples in windows of `width` hops, one a hop, and which hops hold real samples."""
    count = counts(power, hop, length)
    sums = moving_sums(jnp.sum(pieces(real_samples(power, length), hop), axis=2), width)
    return sums / jnp.maximum(moving_sums(count[None], width), 1.0), count > 0


def crests(x: Float[Array, "c t"], size: int, length: Int[Array, ""]) -> tuple[Float[Array, "c n"], Bool[Array, " n"]]:
    """Peak over RMS in dB of pieces of `size` samples, none where both are below -70 dB, and which pieces are real."""
    power, count = pieces(real_samples(x * x, length), size), counts(x, size, length)
    mean = jnp.sum(power, axis=2) / jnp.maximum(count, 1.0)
    return power_db(jnp.max(power, axis=2), CREST_FLOOR) - power_db(mean, CREST_FLOOR), count > 0


def power_scale(fft: int) -> float:
    """What makes Hann-weighted squared magnitudes add up to a mean square."""
    return float(2.0 / (fft * np.sum(hann(fft) ** 2)))


def power_spectra(x: Float[Array, "c t"], fft: int, hop: int, length: Int[Array, ""]) -> Float[Array, "c frames bins"]:
    """Hann-weighted power spectra whose sum over bins is a frame's mean square, but for that of half the edge bins."""
    z = stft(x, fft, hop, fft, length=length)
    return (z.real**2 + z.imag**2) * power_scale(fft)


def masked_mean(v: Float[Array, "*d n"], real: Bool[Array, " n"]) -> Float[Array, ""]:
    """The mean over everything but what `real` excludes from the last axis."""
    rows = v.size // max(v.shape[-1], 1)
    return jnp.sum(jnp.where(real, v, 0.0)) / (rows * jnp.maximum(jnp.sum(real), 1))


def apart(a: Float[Array, "*d"], b: Float[Array, "*d"]) -> Float[Array, "*d"]:
    """`a - b`, and nothing where that is as small as the rounding of what was compiled in another way."""
    return jnp.where(jnp.abs(a - b) > ROUNDING, a - b, 0.0)


def mean_share(v: Float[Array, "*d n"], real: Bool[Array, " n"]) -> Float[Array, " r"]:
    """The vector whose squares add up to the `masked_mean` of the squares of `v`."""
    rows = v.size // max(v.shape[-1], 1)
    return jnp.ravel(jnp.where(real, v, 0.0) / jnp.sqrt(rows * jnp.maximum(jnp.sum(real), 1).astype(v.dtype)))
