"""Decibels and other maps whose usual form has no finite value or gradient at silence."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

LN10_20 = float(np.log(10.0) / 20.0)
FLOOR = 1e-10  # power: -100 dB re full scale, where a detector stops telling levels apart


def amplitude(db: Float[Array, "..."]) -> Float[Array, "..."]:
    """$10^{db / 20}$."""
    return jnp.exp(LN10_20 * db)


def power_db(power: Float[Array, "..."], floor: float = FLOOR) -> Float[Array, "..."]:
    """$10 \\log_{10}(p + 10^{-10})$, or of another floor: finite, with a finite gradient, from silence up."""
    return 10.0 / np.log(10.0) * jnp.log(power + floor)


def decibels(ratio: float) -> float:
    """$20 \\log_{10}$ of an amplitude ratio on the host, -200 dB at nothing."""
    return float(20.0 * np.log10(max(abs(ratio), 1e-10)))
