"""Onsets: where and how fast bands rise."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from ..dsp.bands import band_weights
from ..dsp.frames import power_spectra
from ..dsp.levels import power_db
from ..dsp.stft import frame_count
from ._framed import Framed

FLOOR = 1e-7  # -70 dB beside the mean power, below which nothing counts as rising
TINY = 1e-10  # power, at which silence is defined


@dataclass(frozen=True)
class Transient(Framed):
    r"""Mean square of $r_{t,b} - \hat r_{t,b}$ with $r_{t,b} = \max(0, P_{t,b} - P_{t-1,b}) / 10$, the rise of a
    third-octave band in dB from one frame to the next a quarter window later: what an onset detector adds up.

    Hears attacks, their speed and their place in time and spectrum; deaf to level, polarity and to how
    sounds fade. A steady sound has no onsets: pair it with a spectral distance.

    Reference: Bello, Daudet, Abdallah, Duxbury, Davies, Sandler, "A tutorial on onset detection in music signals", IEEE
    Transactions on Speech and Audio Processing 13(5), 2005, section III.
    """

    fft_size: Annotated[int, Meta(ge=64, le=8192)] = 512

    hears = ("dynamics",)
    deaf_to = ("level", "polarity")

    def measure(self, x: Audio, sr: int, length: Int[Array, ""]) -> tuple[Float[Array, "c bands n"], Bool[Array, " n"]]:
        hop = self.fft_size // 4
        weights = band_weights(self.fft_size, sr).astype(x.dtype)
        own = jnp.sum(x * x) / (x.shape[0] * length) + TINY  # so that a gain changes nothing
        level = 0.1 * power_db(power_spectra(x, self.fft_size, hop, length) @ weights / own, FLOOR)
        rise = jnp.maximum(jnp.diff(jnp.moveaxis(level, 1, 2), axis=2), 0.0)
        return rise, jnp.arange(rise.shape[2]) < frame_count(length, hop) - 1
