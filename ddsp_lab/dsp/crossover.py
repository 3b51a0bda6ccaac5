"""Crossovers: bands that add up to an all-pass, so that taking a signal apart and adding it up leaves its level."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .state_space import lti
from .svf import Section, cascade, warp

ROOT2 = float(np.sqrt(2.0))
# of two sections each: weights (m0, m1, m2) of the input, the band-pass and the low-pass
LOW = ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0))
HIGH = ((1.0, -ROOT2, -1.0), (1.0, -ROOT2, -1.0))
ALL = ((1.0, -2.0 * ROOT2, 0.0), (1.0, 0.0, 0.0))


def high_pass(cutoff_hz: Float[Array, ""], sr: float) -> Section:
    """A second-order Butterworth high-pass, as a row of one section."""
    return _sections(cutoff_hz, sr, np.array(HIGH[:1]))


def _sections(cutoff_hz: Float[Array, ""], sr: float, weights: np.ndarray) -> Section:
    g = jnp.broadcast_to(warp(cutoff_hz, sr), weights.shape[:-1])
    return Section(g, jnp.full_like(g, ROOT2), *(jnp.asarray(m, g.dtype) for m in np.moveaxis(weights, -1, 0)))


def no_sound(bands: int, channels: int) -> tuple[Float[Array, "b c 4"], ...]:
    """The state of `split` before the first sample, one array a cutoff."""
    return tuple(jnp.zeros((k + 2, channels, 4)) for k in range(bands - 1))


def split(
    x: Float[Array, "c t"], cutoffs_hz: Float[Array, " k"], sr: float, state: tuple[Float[Array, "b c 4"], ...]
) -> tuple[tuple[Float[Array, "b c 4"], ...], Float[Array, "k+1 c t"]]:
    """k + 1 bands from low to high, at rising cutoffs, by fourth-order Linkwitz-Riley filters.

    At a cutoff both neighbours are 6 dB down and in phase, and they add up to a second-order all-pass, through which
    the bands further down go too; so all bands are in phase everywhere, and add up to the product of the all-passes.

    References: Linkwitz, "Active crossover networks for noncoincident drivers", JAES 24(1), 1976; D'Appolito, "Active
    realization of multiway all-pass crossover systems", JAES 35(4), 1987.
    """
    bands, after = x[None], []
    for k, before in enumerate(state):  # each its own short loop over blocks: one around them would multiply the trips
        systems = jax.vmap(cascade)(_sections(cutoffs_hz[k], sr, np.array([ALL] * k + [LOW, HIGH])))
        end, bands = jax.vmap(lti)(systems, jnp.concatenate([bands, bands[-1:]]), before.astype(x.dtype))
        after.append(end)
    return tuple(after), bands
