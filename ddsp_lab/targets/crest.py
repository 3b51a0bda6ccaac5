"""Peaks above the mean level."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.frames import apart, crests, mean_share


class Features(NamedTuple):
    crest_db: Float[Array, "c n"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Crest(Target):
    r"""Mean square of $(c_t - \hat c_t) / 10$ with $c_t = 20 \log_{10}(\max |y| / \mathrm{rms}\, y)$ in dB over windows
    side by side, each channel for itself: 1 where the crest factors are 10 dB apart.

    Hears clipping, limiting and the bite of attacks; deaf to level above -70 dB and to polarity. Phase moves peaks, so
    it hears that too. Its slope acts on each window's peak and on the whole window.
    """

    window_ms: Annotated[float, Meta(ge=1.0, le=5000.0)] = 100.0

    least_squares = True
    hears = ("dynamics",)
    deaf_to = ("level", "polarity")

    def _crest(self, x: Audio, sr: int, length: Int[Array, ""]) -> tuple[Float[Array, "c n"], Bool[Array, " n"]]:
        return crests(x, max(1, round(1e-3 * self.window_ms * sr)), length)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(self._crest(reference, sr, length)[0], length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        crest, real = self._crest(y, sr, features.length)
        return mean_share(apart(0.1 * crest, 0.1 * features.crest_db), real)
