"""Distance between log-mel spectrograms."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.cepstrum import log_mel
from ..dsp.stft import frame_count


class Features(NamedTuple):
    log: Float[Array, "c frames bands"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class LogMel(Target):
    r"""$\overline{(M - \hat M)^2}$ of $M = \ln(\text{power in mel bands})$, in squared nepers of power.

    Hears level, tone colour and how they change, in quiet passages as well as in loud ones; pitch only where bands are
    narrow beside it, width faintly. Deaf to phase and polarity.

    Reference: Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word recognition", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980.
    """

    bands: Annotated[int, Meta(ge=4, le=512)] = 64
    fft_size: Annotated[int, Meta(ge=64, le=65536)] = 1024

    least_squares = True
    hears = ("level", "dc", "pitch", "spectrum", "dynamics", "noise")
    deaf_to = ("polarity", "phase")

    def _log(self, x: Audio, sr: int, length: Int[Array, ""]) -> Float[Array, "c frames bands"]:
        return log_mel(x, self.fft_size, sr, self.bands, length)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(self._log(reference, sr, length), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        error = self._log(y, sr, features.length) - features.log
        count = frame_count(features.length, self.fft_size // 4)
        real = (jnp.arange(error.shape[1]) < count)[:, None]
        share = jnp.sqrt(jnp.asarray(count * error.shape[0] * error.shape[2], error.dtype))
        return jnp.ravel(jnp.where(real, error, 0.0)) / share
