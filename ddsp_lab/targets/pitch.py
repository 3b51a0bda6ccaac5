"""Distance between tracks of fundamental frequency."""

from dataclasses import dataclass
from math import log2
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._block import Audio
from ..dsp.frames import apart, masked_mean, mean_share
from ._tracked import Tracked

PITCHLESS = 1e-3  # share of voiced frames, below which a reference has no pitch and weighs less


class Features(NamedTuple):
    semitones: Float[Array, "c frames"]
    voiced: Float[Array, "c frames"]
    scale: Float[Array, ""]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Pitch(Tracked):
    r"""$\sum_t (v_t \hat v_t)^2 e_t^2 / \sqrt{1 + e_t^2} + R \max(0, v_t - \hat v_t)^2$ over $\sum_t v_t^2$,
    $e = p - \hat p$ the error of pitch in semitones: its square where it is small, its size where it is large.

    Pitch is that of `f0_track`, $v = c^2 / (c^2 + (1 - c)^2)$ how surely it is one, $c$ how periodic the sound is. $R$
    is the range from `low_hz` to `high_hz` in semitones: to lose a pitch costs as much as to miss it by all of that, so
    silence is no way out. Hears the pitch of one voice at a time, and noise that drowns it; deaf to tone colour, level,
    polarity and phase.

    Reference: de Cheveigné, Kawahara, "YIN, a fundamental frequency estimator for speech and music", Journal of the
    Acoustical Society of America 111(4), 2002.
    """

    least_squares = True
    hears = ("pitch", "noise")
    deaf_to = ("level", "polarity", "phase", "spectrum", "dynamics", "width")

    def _semitones(
        self, x: Audio, sr: int, length: Int[Array, ""]
    ) -> tuple[Float[Array, "c frames"], Float[Array, "c frames"], Bool[Array, " frames"]]:
        hz, c, real = self.track(x, sr, length)
        return 12.0 * jnp.log2(hz), c**2 / (c**2 + (1.0 - c) ** 2), real

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        semitones, voiced, real = self._semitones(reference, sr, length)
        return Features(semitones, voiced, 1.0 / jnp.sqrt(masked_mean(voiced**2, real) + PITCHLESS), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        semitones, voiced, real = self._semitones(y, sr, features.length)
        error = apart(semitones, features.semitones)
        missed = features.voiced * voiced * error * (1.0 + error**2) ** -0.25
        lost = (12.0 * log2(self.high_hz / self.low_hz)) ** 0.5 * jnp.maximum(apart(features.voiced, voiced), 0.0)
        return features.scale * jnp.concatenate([mean_share(missed, real), mean_share(lost, real)])
