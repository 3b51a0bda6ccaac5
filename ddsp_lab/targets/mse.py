"""Mean squared error."""

from dataclasses import dataclass
from typing import get_args

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._block import Audio
from .._target import Target, Trait
from ..dsp.waveform import Recording, real_samples, recording


@dataclass(frozen=True)
class Mse(Target):
    r"""$\overline{(y - \hat y)^2}$ over samples and channels, in squared full scale.

    Hears everything, a delay of one sample too, and loud passages most. `esr` is the same over the reference's energy,
    a number that can be compared between recordings.

    Reference: Gauss, "Theoria combinationis observationum erroribus minimis obnoxiae", 1823.
    """

    least_squares = True
    hears = get_args(Trait)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Recording:
        return recording(reference, length)

    def distance(self, features: Recording, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Recording, y: Audio, sr: int) -> Float[Array, " r"]:
        error = real_samples(y - features.samples, features.length)
        return jnp.ravel(error) / jnp.sqrt(jnp.asarray(features.length * y.shape[0], y.dtype))
