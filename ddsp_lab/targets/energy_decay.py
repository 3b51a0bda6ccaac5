"""How energy dies away, band by band."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.bands import band_weights
from ..dsp.frames import apart, mean_share, power_spectra
from ..dsp.levels import power_db
from ..dsp.stft import frame_count

TINY = 1e-10  # of energy, by which a silent reference is defined


class Features(NamedTuple):
    relief: Float[Array, "c bands n"]
    scale: Float[Array, "c bands 1"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class EnergyDecay(Target):
    r"""Mean square of $(D_{t,b} - \hat D_{t,b}) / 10$ with $D_{t,b} = 10 \log_{10} \sum_{u \ge t} P_{u,b}$ in dB, the
    energy still to come in third-octave bands (the decay relief) and in all together (the decay curve), relative to the
    reference's: 1 where they are 10 dB apart.

    For impulse responses, and recordings that end in their reverb. Smooth where the sound is not: it does not ask for
    each echo in its place. Below `depth_db` under the beginning differences count less and less, since noise takes over
    there. Hears level, spectrum and how it fades; deaf to polarity and phase.

    Reference: Jot, "An analysis/synthesis approach to real-time artificial reverberation", ICASSP, 1992; Schroeder,
    "New method of measuring reverberation time", Journal of the Acoustical Society of America 37, 1965.
    """

    fft_size: Annotated[int, Meta(ge=64, le=65536)] = 1024
    depth_db: Annotated[float, Meta(ge=10.0, le=120.0)] = 60.0

    least_squares = True
    hears = ("level", "spectrum", "dynamics")
    deaf_to = ("polarity", "phase", "delay")

    def _remaining(
        self, x: Audio, sr: int, length: Int[Array, ""]
    ) -> tuple[Float[Array, "c bands n"], Bool[Array, " n"]]:
        hop = self.fft_size // 2
        bands = power_spectra(x, self.fft_size, hop, length) @ band_weights(self.fft_size, sr).astype(x.dtype)
        real = jnp.arange(bands.shape[1]) < frame_count(length, hop)
        bands = jnp.where(real[:, None], bands, 0.0)
        bands = jnp.concatenate([bands, jnp.sum(bands, axis=2, keepdims=True)], axis=2)
        return jnp.moveaxis(jnp.cumsum(bands[:, ::-1], axis=1)[:, ::-1], 1, 2), real

    def _relief(self, remaining: Float[Array, "c bands n"], scale: Float[Array, "c bands 1"]) -> Array:
        return 0.1 * power_db(scale * remaining, 10.0 ** (-0.1 * self.depth_db))

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        remaining, _ = self._remaining(reference, sr, length)
        scale = 1.0 / (remaining[:, :, :1] + TINY)
        return Features(self._relief(remaining, scale), scale, length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        remaining, real = self._remaining(y, sr, features.length)
        return mean_share(apart(self._relief(remaining, features.scale), features.relief), real)
