"""A reference with gaps."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int
from msgspec import Meta

from .._block import Audio
from .._damage import Damage


@dataclass(frozen=True)
class Mask(Damage):
    """Where the reference is silent for `shortest_s` or longer, below `below_db` of full scale, nothing is compared.

    Each channel has gaps of its own. A passage that is bad and known to be can be silenced by hand.
    """

    below_db: Annotated[float, Meta(ge=-300.0, le=0.0)] = -120.0
    shortest_s: Annotated[float, Meta(gt=0.0, le=60.0)] = 0.001

    repeats = True

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""]) -> Bool[Array, "c t"]:
        quiet = jnp.abs(reference) <= 10.0 ** (self.below_db / 20.0)
        shortest = min(max(1, round(self.shortest_s * sr)), reference.shape[1])
        begins = _count(jnp.pad(quiet, ((0, 0), (0, shortest - 1))), shortest) == shortest
        return _count(jnp.pad(begins, ((0, 0), (shortest - 1, 0))), shortest) == 0

    def apply(self, known: Bool[Array, "c t"], y: Audio, sr: int) -> Audio:
        return jnp.where(known, y, 0.0)


def _count(which: Bool[Array, "c s"], size: int) -> Int[Array, "c t"]:
    """How many are set in each stretch of `size`."""
    total = jnp.pad(jnp.cumsum(which, axis=1, dtype=jnp.int32), ((0, 0), (1, 0)))
    return total[:, size:] - total[:, :-size]
