"""Scale-invariant signal-to-distortion ratio."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target, Trait, all_but
from ..dsp.waveform import TINY, decibels_above, heard


class Features(NamedTuple):
    reference: Float[Array, "c t"]
    direction: Float[Array, "c t"]  # the reference at unit energy
    length: Int[Array, ""]


@dataclass(frozen=True)
class SiSdr(Target):
    r"""How many dB $10 \log_{10}(\|\alpha y\|^2 / \|\hat y - \alpha y\|^2)$ is short of `limit_db`.

    $\alpha = \langle \hat y, y \rangle / \|y\|^2$ is the one gain, for all channels, that fits best. Hears what is left
    then: phase, delay, spectrum, the balance of the channels. Deaf to level and polarity, and with `zero_mean`, which
    takes each channel's mean off first, to DC. Ratios end at plus and minus the limit. Silence is as far as anything
    can be and has no slope, for lack of a level: start from a sound.

    Reference: Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP, 2019, eqs. 3-4.
    """

    limit_db: Annotated[float, Meta(ge=20.0, le=120.0)] = 80.0
    zero_mean: bool = True

    @property
    def hears(self) -> tuple[Trait, ...]:
        return all_but(self.deaf_to)

    @property
    def deaf_to(self) -> tuple[Trait, ...]:
        return ("level", "polarity", "dc") if self.zero_mean else ("level", "polarity")

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        reference = heard(reference, length, self.zero_mean)
        return Features(reference, reference / jnp.sqrt(jnp.sum(reference**2) + TINY), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        _, direction, length = features
        y = heard(y, length, self.zero_mean)
        silent = jnp.all(y == 0.0)
        y = jnp.where(silent, direction, y)
        # what is left of the error, not of the signal: without error it is exactly zero
        error = y - features.reference
        distortion = jnp.sum((error - jnp.sum(error * direction) * direction) ** 2)
        signal = jnp.sum(y * direction) ** 2
        least = 10.0 ** (-self.limit_db / 10.0) * distortion  # distortion alone is not infinitely far either
        return jnp.where(silent, 2.0 * self.limit_db, decibels_above(distortion, signal + least, self.limit_db))
