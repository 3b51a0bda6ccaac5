"""Distance between mel-frequency cepstra."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target, Trait
from ..dsp.cepstrum import cosines, log_mel
from ..dsp.frames import mean_share
from ..dsp.stft import frame_count


class Features(NamedTuple):
    cepstrum: Float[Array, "c coefficients frames"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Mfcc(Target):
    r"""$\sum_k (c_k - \hat c_k)^2 / B$, averaged over frames, of
    $c_k = \sqrt{2 / B} \sum_b M_b \cos(\pi k (b + 1/2) / B)$, $M = \ln(\text{power in mel bands})$, in squared nepers.

    The first few coefficients are the smooth outline of a spectrum: it hears tone colour and noise, and pitch only as
    far as partials move the outline. As many coefficients as bands, with the zeroth, make it `log_mel`. The zeroth is
    the level, left out unless `level`; deaf then to level, as long as no band is quieter than the floor of `log_mel`.
    Deaf to phase and polarity.

    Reference: Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word recognition", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980.
    """

    coefficients: Annotated[int, Meta(ge=1, le=512)] = 20
    bands: Annotated[int, Meta(ge=4, le=512)] = 64
    fft_size: Annotated[int, Meta(ge=64, le=65536)] = 1024
    level: bool = False

    least_squares = True

    def check_settings(self) -> None:
        super().check_settings()
        if self.coefficients + (not self.level) > self.bands:
            raise ExpressionError("bad-setting", f"{self} has too few bands.", "A band gives one coefficient.")

    @property
    def hears(self) -> tuple[Trait, ...]:
        heard: tuple[Trait, ...] = ("dc", "pitch", "spectrum", "dynamics", "noise")
        return ("level", *heard) if self.level else heard

    @property
    def deaf_to(self) -> tuple[Trait, ...]:
        return ("polarity", "phase") if self.level else ("level", "polarity", "phase")

    def _cepstrum(self, x: Audio, sr: int, length: Int[Array, ""]) -> Float[Array, "c coefficients frames"]:
        log = log_mel(x, self.fft_size, sr, self.bands, length)
        first = 0 if self.level else 1
        last = min(first + self.coefficients, log.shape[2])
        return jnp.swapaxes(log @ cosines(log.shape[2], first, last).astype(log.dtype), 1, 2)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(self._cepstrum(reference, sr, length), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        error = self._cepstrum(y, sr, features.length) - features.cepstrum
        real = jnp.arange(error.shape[2]) < frame_count(features.length, self.fft_size // 4)
        return mean_share((error.shape[1] / self.bands) ** 0.5 * error, real)
