"""Loudness as broadcasters measure it: K-weighting and gated blocks."""

from math import atan, pi, sqrt

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.fft import next_fast_len

from .frames import pieces
from .levels import power_db
from .waveform import real_samples

TABLE_RATE = 48000  # Hz, of the coefficients that the standard gives: numerator, denominator
SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
SURROUND = 1.41  # power gain of the fourth and fifth channel
OFFSET = -0.691  # LU, with which a full-scale sine of 1 kHz on one channel is -3.01 LUFS
SILENCE, RELATIVE = -70.0, -10.0  # LUFS and LU: the two gates
RING_S = 0.3  # until the high-pass has faded by 160 dB


def k_response(frequency: np.ndarray, sr: float) -> np.ndarray:
    """The complex response of K-weighting at frequencies in cycles per sample, for any rate.

    The standard gives coefficients for 48 kHz. A bilinear transform keeps a filter's own frequency at another rate when
    the frequency axis is warped about it, so the table can be read at the warped frequency.
    """
    response = np.ones(frequency.shape, complex)
    for b, a in (SHELF, HIGH_PASS):
        own = sqrt((a[0] + a[1] + a[2]) / (a[0] - a[1] + a[2]))  # tan of half the filter's own frequency
        warp = own / np.tan(min(atan(own) * TABLE_RATE / sr, 0.49 * pi))
        z = np.exp(-2j * np.arctan(warp * np.tan(np.pi * np.minimum(frequency, 0.4999999))))
        response *= np.polyval(b[::-1], z) / np.polyval(a[::-1], z)
    return response


def k_weighted(x: Float[Array, "c t"], sr: int, length: Int[Array, ""]) -> Float[Array, "c t"]:
    """`x` through the two filters, up to its `length`-th sample. Transformed whole: they ring for a third of a second
    at most, and a recursion would run sample by sample."""
    size = next_fast_len(x.shape[1] + int(RING_S * sr), real=True)
    response = k_response(np.arange(size // 2 + 1) / size, sr).astype(np.result_type(x.dtype, np.complex64))
    filtered = jnp.fft.irfft(jnp.fft.rfft(x, size) * response, size)
    return real_samples(filtered[:, : x.shape[1]].astype(x.dtype), length)


def channel_sum(power: Float[Array, "c t"]) -> Float[Array, "1 t"]:
    """The powers of all channels, surrounds a little louder."""
    gains = np.asarray([SURROUND if i in (3, 4) else 1.0 for i in range(power.shape[0])], power.dtype)
    return jnp.sum(gains[:, None] * power, axis=0, keepdims=True)


def integrated_loudness(x: Float[Array, "c t"], sr: int, length: Int[Array, ""]) -> Float[Array, ""]:
    r"""Loudness in LUFS: blocks of 400 ms every 100 ms, those below -70 LUFS left out, then those more than 10 LU below
    the mean of the rest.

    Channels are left, right, centre and two surrounds. Where no block passes, none is left out, so that a slope leads
    out of silence; what is shorter than a block is one. Which blocks pass is taken as given by the gradient.

    Reference: ITU-R BS.1770-5, "Algorithms to measure audio programme loudness and true-peak audio level", 2023,
    annex 1.
    """
    hop = max(1, round(0.1 * sr))
    power = channel_sum(k_weighted(x, sr, length) ** 2)
    sums = jnp.sum(pieces(power, hop), axis=2)[0]
    sums = jnp.pad(sums, (0, max(0, 4 - sums.size)))
    blocks = (sums[:-3] + sums[1:-2] + sums[2:-1] + sums[3:]) / jnp.clip(length, 1, 4 * hop)
    whole = jnp.arange(blocks.size) < jnp.maximum(length // hop - 3, 1)

    def loudness(power: Float[Array, "*d"]) -> Float[Array, "*d"]:
        return OFFSET + power_db(power)

    def mean(chosen: Bool[Array, " n"]) -> Float[Array, ""]:
        return jnp.sum(jnp.where(chosen, blocks, 0.0)) / jnp.maximum(jnp.sum(chosen), 1)

    heard = whole & (loudness(blocks) >= SILENCE)
    heard = jnp.where(jnp.any(heard), heard, whole)
    passed = heard & (loudness(blocks) > loudness(mean(heard)) + RELATIVE)
    return loudness(mean(jnp.where(jnp.any(passed), passed, heard)))
