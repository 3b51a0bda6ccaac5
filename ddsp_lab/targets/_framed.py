"""What targets share that are the mean square difference of something measured frame by frame."""

import abc
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._block import Audio
from .._target import Target
from ..dsp.frames import apart, mean_share


class Features(NamedTuple):
    measured: Float[Array, "*d n"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Framed(Target, abc.ABC):
    """The mean square over real frames of the difference of what `measure` gives."""

    least_squares = True

    @abc.abstractmethod
    def measure(self, x: Audio, sr: int, length: Int[Array, ""]) -> tuple[Float[Array, "*d n"], Bool[Array, " n"]]:
        """Figures for each frame, frames last, and which frames are real."""

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(self.measure(reference, sr, length)[0], length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        measured, real = self.measure(y, sr, features.length)
        return mean_share(apart(measured, features.measured), real)
