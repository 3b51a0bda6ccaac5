"""Mean absolute error."""

from dataclasses import dataclass
from typing import get_args

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._block import Audio
from .._target import Target, Trait
from ..dsp.waveform import Recording, mean_of_real, real_samples, recording


@dataclass(frozen=True)
class Mae(Target):
    r"""$\overline{|y - \hat y|}$ over samples and channels, in full scale.

    Hears everything, a delay of one sample too. A click or a dropout weighs as much as its size, not its square; the
    slope is as long beside the solution as far from it.

    Reference: Laplace, "Mémoire sur la probabilité des causes par les évènements", 1774.
    """

    hears = get_args(Trait)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Recording:
        return recording(reference, length)

    def distance(self, features: Recording, y: Audio, sr: int) -> Float[Array, ""]:
        return mean_of_real(jnp.abs(real_samples(y - features.samples, features.length)), features.length)
