"""Error-to-signal ratio."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple, get_args

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target, Trait

TINY = 1e-20  # a silent reference is refused before it gets here; this keeps the formula defined


class Features(NamedTuple):
    reference: Float[Array, "c t"]
    scale: Float[Array, ""]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Esr(Target):
    r"""$\sum (y - \hat y)^2 / \sum y^2$, optionally of pre-emphasised signals $y_n - a\,y_{n-1}$.

    Hears everything: level, phase, polarity, a delay of one sample. For aligned recordings only. 0.01 is a very good
    amplifier model, 1e-7 the limit of 16 bits. A pre-emphasis of 0.85 to 0.95 makes it care about treble.

    Reference: Wright, Damskägg, Juvela, Välimäki, "Real-time guitar amplifier emulation with deep learning", Applied
    Sciences 10(3), 2020, eqs. 2-4.
    """

    pre_emphasis: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0

    least_squares = True
    hears = get_args(Trait)

    def _emphasised(self, x: Audio) -> Audio:
        return x - self.pre_emphasis * jnp.pad(x, ((0, 0), (1, 0)))[:, :-1] if self.pre_emphasis else x

    def _masked(self, x: Audio, length: Int[Array, ""]) -> Audio:
        return jnp.where(jnp.arange(x.shape[1]) < length, x, 0.0)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        energy = jnp.sum(self._masked(self._emphasised(reference), length) ** 2)
        return Features(reference, 1.0 / jnp.sqrt(energy + TINY), length)

    def _error(self, features: Features, y: Audio) -> Audio:
        return features.scale * self._masked(self._emphasised(y - features.reference), features.length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self._error(features, y) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        return jnp.ravel(self._error(features, y))
