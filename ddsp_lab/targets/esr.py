"""Error-to-signal ratio."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple, get_args

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target, Trait
from ..dsp.waveform import TINY, real_samples


class Features(NamedTuple):
    reference: Float[Array, "c t"]
    scale: Float[Array, ""]
    dc_scale: Float[Array, ""]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Esr(Target):
    r"""$\sum (y - \hat y)^2 / \sum y^2$, optionally of pre-emphasised signals $y_n - a\,y_{n-1}$ and with a DC term.

    Hears everything: level, phase, polarity, a delay of one sample. For aligned recordings only. 0.01 is a very good
    amplifier model, 1e-7 the limit of 16 bits. A pre-emphasis of 0.85 to 0.95 makes it care about treble and deaf to
    DC; `dc` is the weight of $\overline{(y - \hat y)}^2 / \overline{y^2}$, summed over channels and never emphasised.

    Reference: Wright, Damskägg, Juvela, Välimäki, "Real-time guitar amplifier emulation with deep learning", Applied
    Sciences 10(3), 2020, eqs. 2-4; Wright, Välimäki, "Perceptual loss function for neural modeling of audio systems",
    ICASSP, 2020, eqs. 3-5.
    """

    pre_emphasis: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0
    dc: Annotated[float, Meta(ge=0.0, le=1e3)] = 0.0

    least_squares = True

    @property
    def hears(self) -> tuple[Trait, ...]:
        return tuple(w for w in get_args(Trait) if w != "dc" or self.dc >= 0.1 or self.pre_emphasis <= 0.5)

    def _emphasised(self, x: Audio) -> Audio:
        return x - self.pre_emphasis * jnp.pad(x, ((0, 0), (1, 0)))[:, :-1] if self.pre_emphasis else x

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        # a silent reference is refused before it gets here; what is added keeps the formula defined
        energy = jnp.sum(real_samples(self._emphasised(reference), length) ** 2)
        dc_scale = jnp.sqrt(self.dc / (length * (jnp.sum(real_samples(reference, length) ** 2) + TINY)))
        return Features(reference, 1.0 / jnp.sqrt(energy + TINY), dc_scale, length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        error = y - features.reference
        emphasised = features.scale * real_samples(self._emphasised(error), features.length)
        if not self.dc:
            return jnp.ravel(emphasised)
        offset = features.dc_scale * jnp.sum(real_samples(error, features.length), axis=1)
        return jnp.concatenate([jnp.ravel(emphasised), offset])
