"""A reference that was clipped."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._damage import Damage

NEAR = 1e-3  # of the level: what is as near to it counts as clipped, because files are rounded


class Clipped(NamedTuple):
    low: Float[Array, "c 1"]
    high: Float[Array, "c 1"]
    at_low: Bool[Array, "c t"]
    at_high: Bool[Array, "c t"]


@dataclass(frozen=True)
class Clip(Damage):
    """Where the reference stands at its limit, all that is known is that the sound went at least as far.

    The limit is `level_db` above full scale; left out, the highest and the lowest sample of each channel. Elsewhere
    samples are compared as they are, so that a chain which is too loud still knows which way to go.
    """

    level_db: Annotated[float, Meta(ge=-80.0, le=40.0)] | None = None

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""]) -> Clipped:
        if self.level_db is None:
            high, low = (f(reference, axis=1, keepdims=True) for f in (jnp.max, jnp.min))
        else:
            high = jnp.full((reference.shape[0], 1), 10.0 ** (self.level_db / 20.0), reference.dtype)
            low = -high
        near = NEAR * (high - low)
        return Clipped(low, high, reference <= low + near, reference >= high - near)

    def apply(self, known: Clipped, y: Audio, sr: int) -> Audio:
        y = jnp.where(known.at_high, jnp.minimum(y, known.high), y)
        return jnp.where(known.at_low, jnp.maximum(y, known.low), y)
