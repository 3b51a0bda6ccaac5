"""What searches by populations share: their random numbers, their first generation, and when they have collapsed."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Array, Float

from ._space import Space

NARROW = 1e-6  # of the cube's width: closer together, float32 points are hardly distinct


def generator(key: Array) -> np.random.Generator:
    """A numpy generator for a round; keys that differ give streams of their own."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())


def first_generation(key: Array, space: Space, size: int) -> Float[np.ndarray, "size n"]:
    """The chain's start and points drawn uniformly from the cube."""
    return np.concatenate([space.start[None], generator(key).random((size - 1, space.size))])


def collapsed(us: Float[np.ndarray, "k n"]) -> bool:
    """Whether nothing new can come of differences between these points."""
    return bool(np.ptp(us, axis=0).max() < NARROW)
