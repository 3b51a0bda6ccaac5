"""Sums of sinusoids of steady frequencies as matrix products, a hundred times faster than their sines.

The sample number is $n = L b + m$. By the addition theorem a sinusoid is one table over the blocks $b$ times another
within them, so that the sum over all sinusoids is a product of matrices, and so is its gradient.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .envelopes import SHORTEST_S
from .phase import steady

BLOCK = 256  # samples; as many blocks make a second and a half


def sine_tables(
    frequency_hz: Float[Array, " k"], phase: Float[Array, " k"], blocks: int, size: int, sr: int
) -> tuple[Float[Array, "blocks 2 k"], Float[Array, "2 k size"]]:
    r"""$(\sin\beta, \cos\beta)$ at the beginning of each block and $(\cos\mu, \sin\mu)$ of the samples in one, so that
    $\sin(\beta + \mu)$ is the sum of their products. `phase` in cycles."""
    starts, inside = (jnp.arange(n, dtype=jnp.int32) for n in (blocks, size))
    begins = 2.0 * jnp.pi * (phase + steady(frequency_hz, starts[:, None] * size, sr))
    within = 2.0 * jnp.pi * steady(frequency_hz[:, None], inside, sr)
    return jnp.stack([jnp.sin(begins), jnp.cos(begins)], axis=1), jnp.stack([jnp.cos(within), jnp.sin(within)])


def times(coarse: Float[Array, "blocks 2 k"], fine: Float[Array, "2 k size"]) -> Float[Array, "blocks size"]:
    """The sums over both members of all sinusoids."""
    left, right = coarse.reshape(coarse.shape[0], -1), fine.reshape(-1, fine.shape[-1])
    return jnp.matmul(left, right, precision=lax.Precision.HIGHEST)


def modes(
    frequency_hz: Float[Array, " k"],
    t60_s: Float[Array, " k"],
    amplitude: Float[Array, " k"],
    phase: Float[Array, " k"],
    samples: int,
    sr: int,
) -> Float[Array, " t"]:
    r"""$y_n = \sum_k a_k\,10^{-3 n / (f_s T_k)} \sin 2\pi(f_k n / f_s + \varphi_k)$: what a struck body does.

    Modes fade out between 0.45 and 0.5 of the sample rate (`audible`).

    Reference: Adrien, "The missing link: modal synthesis", in De Poli, Piccialli, Roads (eds.), "Representations of
    musical signals", MIT Press, 1991.
    """
    blocks = -(-samples // BLOCK)
    coarse, fine = sine_tables(frequency_hz, phase, blocks, BLOCK, sr)
    fall = (-3.0 * np.log(10.0) / sr) / (t60_s + SHORTEST_S)
    amplitude = amplitude * audible(frequency_hz, sr)
    coarse = coarse * (amplitude * jnp.exp(fall * (BLOCK * np.arange(blocks))[:, None]))[:, None]
    fine = fine * jnp.exp(fall[:, None] * np.arange(BLOCK))
    return times(coarse, fine).reshape(-1)[:samples]


def audible(frequency_hz: Float[Array, "*k"], sr: int) -> Float[Array, "*k"]:
    """1 up to 0.45 of the sample rate, 0 from half of it on, smooth between."""
    u = jnp.clip(10.0 - frequency_hz * (20.0 / sr), 0.0, 1.0)
    return u * u * (3.0 - 2.0 * u)
