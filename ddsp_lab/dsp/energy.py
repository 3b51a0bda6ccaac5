"""Energies that fade: for comparing levels over seconds."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


def fading_energy(u: Float[Array, "c t"], before: Float[Array, "c 1"], seconds: float, sr: int) -> Float[Array, "c t"]:
    r"""$E_n = a E_{n-1} + u_n^2$, $a = e^{-1 / \tau f_s}$, as $a^n \sum_j u_j^2 a^{-j}$ over $\tau$ at a time."""
    block = max(1, min(u.shape[1], int(seconds * sr)))
    count = -(-u.shape[1] // block)
    rows = jnp.pad(u * u, ((0, 0), (0, count * block - u.shape[1]))).reshape(-1, count, block)
    fall = jnp.asarray(np.exp(-np.arange(block + 1) / (seconds * sr)), jnp.result_type(u))
    inside = fall[:-1] * jnp.cumsum(rows / fall[:-1], axis=2)
    if count == 1:
        return inside[:, 0] + fall[1:] * before
    ends = jnp.moveaxis(inside[:, :, -1], 1, 0)
    starts = lax.scan(lambda e, end: (end + fall[-1] * e, e), jnp.broadcast_to(before[:, 0], ends[0].shape), ends)[1]
    energies = inside + fall[1:] * jnp.moveaxis(starts, 0, 1)[:, :, None]
    return energies.reshape(u.shape[0], -1)[:, : u.shape[1]]
