"""Distance between tracks of fundamental frequency."""

from dataclasses import dataclass
from math import log2
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target
from ..dsp.frames import apart, masked_mean, mean_share
from ..dsp.pitch import f0_track
from ..dsp.stft import frame_count
from ..dsp.waveform import real_samples

PITCHLESS = 1e-3  # share of voiced frames, below which a reference has no pitch and weighs less


class Features(NamedTuple):
    semitones: Float[Array, "c frames"]
    voiced: Float[Array, "c frames"]
    scale: Float[Array, ""]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Pitch(Target):
    r"""$\sum_t (v_t \hat v_t)^2 e_t^2 / \sqrt{1 + e_t^2} + R \max(0, v_t - \hat v_t)^2$ over $\sum_t v_t^2$,
    $e = p - \hat p$ the error of pitch in semitones: its square where it is small, its size where it is large.

    Pitch is that of `f0_track`, $v = c^2 / (c^2 + (1 - c)^2)$ how surely it is one, $c$ how periodic the sound is. $R$
    is the range from `low_hz` to `high_hz` in semitones: to lose a pitch costs as much as to miss it by all of that, so
    silence is no way out. Hears the pitch of one voice at a time, and noise that drowns it; deaf to tone colour, level,
    polarity and phase.

    Reference: de Cheveigné, Kawahara, "YIN, a fundamental frequency estimator for speech and music", Journal of the
    Acoustical Society of America 111(4), 2002.
    """

    low_hz: Annotated[float, Meta(ge=20.0, le=2000.0)] = 50.0
    high_hz: Annotated[float, Meta(ge=50.0, le=8000.0)] = 2000.0
    frame_ms: Annotated[float, Meta(ge=2.0, le=500.0)] = 40.0
    hop_ms: Annotated[float, Meta(ge=1.0, le=500.0)] = 10.0

    least_squares = True
    hears = ("pitch", "noise")
    deaf_to = ("level", "polarity", "phase", "spectrum", "dynamics", "width")

    def check_settings(self) -> None:
        super().check_settings()
        if self.high_hz <= self.low_hz:
            raise ExpressionError("bad-setting", f"{self}: nothing is above low_hz and below high_hz.", "Swap the two.")

    def _hop(self, sr: int) -> int:
        return max(1, round(1e-3 * self.hop_ms * sr))

    def _track(
        self, x: Audio, sr: int, length: Int[Array, ""]
    ) -> tuple[Float[Array, "c frames"], Float[Array, "c frames"], Bool[Array, " frames"]]:
        frame = max(2, round(1e-3 * self.frame_ms * sr))
        hz, c = f0_track(real_samples(x, length), sr, self.low_hz, self.high_hz, frame, self._hop(sr))
        real = jnp.arange(c.shape[1]) < frame_count(length, self._hop(sr))
        return 12.0 * jnp.log2(hz), c**2 / (c**2 + (1.0 - c) ** 2), real

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        semitones, voiced, real = self._track(reference, sr, length)
        return Features(semitones, voiced, 1.0 / jnp.sqrt(masked_mean(voiced**2, real) + PITCHLESS), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        semitones, voiced, real = self._track(y, sr, features.length)
        error = apart(semitones, features.semitones)
        missed = features.voiced * voiced * error * (1.0 + error**2) ** -0.25
        lost = (12.0 * log2(self.high_hz / self.low_hz)) ** 0.5 * jnp.maximum(apart(features.voiced, voiced), 0.0)
        return features.scale * jnp.concatenate([mean_share(missed, real), mean_share(lost, real)])
