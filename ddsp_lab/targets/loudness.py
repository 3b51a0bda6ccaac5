"""Loudness as broadcasters measure it."""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._block import Audio
from .._target import Target
from ..dsp.frames import apart
from ..dsp.loudness import integrated_loudness


class Features(NamedTuple):
    loudness: Float[Array, ""]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Loudness(Target):
    r"""$((L - \hat L) / 10)^2$ of integrated loudness in LUFS: 1 at 10 LU apart, 0.01 at 1 LU.

    Hears level, as loud as it seems; deaf to polarity, phase, a small delay and pitch. Other changes it hears as far as
    they make the whole louder. One number says little alone: `spectral_transport + loudness`.

    Reference: ITU-R BS.1770-5, "Algorithms to measure audio programme loudness and true-peak audio level", 2023.
    """

    least_squares = True
    hears = ("level",)
    deaf_to = ("polarity", "phase", "delay")

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(integrated_loudness(reference, sr, length), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        return apart(0.1 * integrated_loudness(y, sr, features.length), 0.1 * features.loudness)[None]
