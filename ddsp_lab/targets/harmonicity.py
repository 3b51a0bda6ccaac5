"""Distance between tracks of how periodic a sound is."""

from dataclasses import dataclass
from math import log
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target
from ..dsp.frames import apart, mean_share
from ..dsp.pitch import f0_track
from ..dsp.stft import frame_count
from ..dsp.waveform import real_samples

LEAST, MOST = 0.1, 1e-3  # added to both shares: ratios end at -10 dB, where it is all chance, and at 30 dB


class Features(NamedTuple):
    ratio: Float[Array, "c frames"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Harmonicity(Target):
    r"""Mean square of $(h_t - \hat h_t) / 10$, $h = 10 \log_{10}(c / (1 - c))$ the ratio of what repeats to what does
    not in dB, between -10 and 30: 1 at 10 dB apart.

    $c$ is the share of power that repeats at the pitch that `f0_track` finds. Hears breath, hiss and whatever else
    is between the partials, and the end of a tone; deaf to level, polarity and constants. Two pitches at a time do not
    repeat either.

    Reference: de Cheveigné, Kawahara, "YIN, a fundamental frequency estimator for speech and music", Journal of the
    Acoustical Society of America 111(4), 2002.
    """

    low_hz: Annotated[float, Meta(ge=20.0, le=2000.0)] = 50.0
    high_hz: Annotated[float, Meta(ge=50.0, le=8000.0)] = 2000.0
    frame_ms: Annotated[float, Meta(ge=2.0, le=500.0)] = 40.0
    hop_ms: Annotated[float, Meta(ge=1.0, le=500.0)] = 10.0

    least_squares = True
    hears = ("noise",)
    deaf_to = ("level", "polarity", "phase")

    def check_settings(self) -> None:
        super().check_settings()
        if self.high_hz <= self.low_hz:
            raise ExpressionError("bad-setting", f"{self}: nothing is above low_hz and below high_hz.", "Swap the two.")

    def _hop(self, sr: int) -> int:
        return max(1, round(1e-3 * self.hop_ms * sr))

    def _ratio(self, x: Audio, sr: int, length: Int[Array, ""]) -> Float[Array, "c frames"]:
        frame = max(2, round(1e-3 * self.frame_ms * sr))
        _, c = f0_track(real_samples(x, length), sr, self.low_hz, self.high_hz, frame, self._hop(sr))
        return (jnp.log(c + LEAST) - jnp.log(1.0 - c + MOST)) / log(10.0)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(self._ratio(reference, sr, length), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        error = apart(self._ratio(y, sr, features.length), features.ratio)
        return mean_share(error, jnp.arange(error.shape[1]) < frame_count(features.length, self._hop(sr)))
