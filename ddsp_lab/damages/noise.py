"""A reference with noise in it."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._damage import Damage
from ..dsp.fir import filtered
from ..dsp.frames import power_spectra
from ..dsp.stft import frame_count, hann

FFT, HOP = 1024, 256
QUIETEST = 0.1  # of the frames: their mean spectrum is taken for the noise's


@dataclass(frozen=True)
class Noise(Damage):
    """Steady noise, added to what the chain gives: the same noise every time, of the same level and colour.

    White at `level_db` (root mean square against full scale); left out, measured where the reference is quietest, which
    takes a recording with rests. For distances between spectra, which would otherwise have a chain make the hiss; those
    between waveforms have no bias from noise.
    """

    level_db: Annotated[float, Meta(ge=-200.0, le=20.0)] | None = None

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""]) -> Audio:
        white = jax.random.normal(jax.random.key(0), reference.shape, reference.dtype)
        if self.level_db is not None:
            return 10.0 ** (self.level_db / 20.0) * white
        magnitude = jnp.sqrt(_floor(reference, length))
        taps = jnp.roll(jnp.fft.irfft(magnitude), FFT // 2, axis=1) * hann(FFT).astype(reference.dtype)
        return filtered(white, taps)

    def apply(self, known: Audio, y: Audio, sr: int) -> Audio:
        return y + known


def _floor(x: Audio, length: Int[Array, ""]) -> Float[Array, "c bins"]:
    """The mean power spectrum of the quietest frames, of unit power per bin where white noise has unit variance."""
    power = 0.5 * FFT * power_spectra(x, FFT, HOP, length)
    # frames over an edge hold less of the noise than the others
    inside = (jnp.arange(power.shape[1]) >= 2) & (jnp.arange(power.shape[1]) < frame_count(length, HOP) - 2)
    loudness = jnp.where(inside, jnp.sum(power, axis=(0, 2)), jnp.inf)
    rank = jnp.argsort(jnp.argsort(loudness))
    taken = inside & (rank < jnp.maximum(1, QUIETEST * jnp.sum(inside)))
    return jnp.sum(jnp.where(taken[:, None], power, 0.0), axis=1) / jnp.maximum(1, jnp.sum(taken))
