"""Levels that move between knots, straight in dB, which are closer together at the beginning of a note."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._param import Param


def move_db(knots: int, rows: int, lowest: float) -> Param:
    """What each of some levels does at the knots, knot by knot."""
    return Param("move_db", lowest, 24.0, default=0.0, unit="dB", shape=(knots * rows,))


def knots_s(duration_s: float, knots: int) -> Float[np.ndarray, " knots"]:
    """Their times are as squares, from the onset to the end of the note."""
    return duration_s * np.square(np.linspace(0.0, 1.0, knots))


def moved(
    move_db: Float[Array, " knots*k"], knots: int, t: Float[np.ndarray, "frames 1"], duration_s: Float[Array, ""]
) -> Float[Array, "frames k"]:
    """What is left of the levels at times `t` in s since the onset; after the end, as at the end."""
    at = jnp.sqrt(jnp.clip(t / duration_s, 1e-6, 1.0)) * (knots - 1)
    near = jnp.maximum(1.0 - jnp.abs(at - np.arange(knots)), 0.0)
    return 10.0 ** (jnp.matmul(near, move_db.reshape(knots, -1), precision="highest") / 20.0)
