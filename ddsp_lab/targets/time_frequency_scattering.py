"""Distance between how spectra move."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.frames import apart
from ..dsp.scattering import hop_samples, modulations, scalogram, smoothed
from ..dsp.stft import frame_count

TINY = 1e-6


class Features(NamedTuple):
    orders: list[Float[Array, " n"]]
    scales: list[Float[Array, ""]]
    length: Int[Array, ""]


@dataclass(frozen=True)
class TimeFrequencyScattering(Target):
    r"""$\frac12 \sum_{k=1,2} \| S_k - \hat S_k \|^2 / \| S_k \|^2$ of a scalogram (1) and of the moduli of waves over
    time and log frequency in it (2), both averaged over `average_ms`.

    The scalogram is the logarithm of 1 + amplitude / -60 dB in bands. The waves have 2 to 32 Hz, and up to 2 cycles an
    octave rising or falling: it tells a rising chirp from a falling one, a tremolo of 4 Hz from one of 8, and a texture
    from another, wherever in the average they are. So a shift well below `average_ms` changes little; deaf to phase
    and polarity.

    References: Andén, Lostanlen, Mallat, "Joint time-frequency scattering", IEEE Transactions on Signal Processing
    67(14), 2019; Vahidi, Han, Wang, Lagrange, Fazekas, Lostanlen, "Mesostructures: beyond spectrogram loss in
    differentiable time-frequency analysis", Journal of the Audio Engineering Society 71(9), 2023.
    """

    bands_per_octave: Annotated[int, Meta(ge=4, le=24)] = 8
    average_ms: Annotated[float, Meta(ge=50.0, le=10000.0)] = 500.0

    least_squares = True
    hears = ("level", "pitch", "spectrum", "dynamics", "noise")
    deaf_to = ("polarity", "phase", "delay")

    def _orders(self, x: Audio, sr: int, length: Int[Array, ""]) -> list[Float[Array, " n"]]:
        hop = hop_samples(sr)
        frames = max(1, round(0.5e-3 * self.average_ms * sr / hop))
        u = scalogram(x, sr, self.bands_per_octave, length)
        real = jnp.arange(u.shape[1]) < frame_count(length, hop)
        second = modulations(u, real, self.bands_per_octave, hop / sr, frames)
        return [jnp.ravel(smoothed(u, frames)), jnp.concatenate([jnp.ravel(v) for v in second])]

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        orders = self._orders(reference, sr, length)
        return Features(orders, [1.0 / jnp.sqrt(2.0 * (jnp.sum(v**2) + TINY)) for v in orders], length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        pairs = zip(self._orders(y, sr, features.length), features.orders, features.scales, strict=True)
        return jnp.concatenate([scale * apart(v, wanted) for v, wanted, scale in pairs])
