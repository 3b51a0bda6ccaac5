"""Signal-to-noise ratio."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target, Trait, all_but
from ..dsp.waveform import decibels_above, heard


class Features(NamedTuple):
    reference: Float[Array, "c t"]
    energy: Float[Array, ""]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Snr(Target):
    r"""How many dB $10 \log_{10}(\sum y^2 / \sum (y - \hat y)^2)$ is short of `limit_db`; beyond it nothing is gained.

    Hears what `esr` hears, on a scale where each halving of the error counts the same. `zero_mean` takes each
    channel's mean off first, which makes it deaf to DC.

    Reference: Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP, 2019, eq. 1.
    """

    limit_db: Annotated[float, Meta(ge=20.0, le=120.0)] = 80.0
    zero_mean: bool = True

    @property
    def hears(self) -> tuple[Trait, ...]:
        return all_but(self.deaf_to)

    @property
    def deaf_to(self) -> tuple[Trait, ...]:
        return ("dc",) if self.zero_mean else ()

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(reference, jnp.sum(heard(reference, length, self.zero_mean) ** 2), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        noise = jnp.sum(heard(y - features.reference, features.length, self.zero_mean) ** 2)
        return decibels_above(noise, features.energy, self.limit_db)
