"""Graphic equalisers: peaks at fixed centres whose gains make up for each other's skirts."""

from math import ceil

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .svf import HIGHEST, Section, equaliser_sections

SKIRT = 0.35  # of its gain in dB is what a band does at the centre below it
PROTOTYPE_DB = 10.0  # at which the interaction is measured; it hardly depends on the gain
ROUNDS = 6  # each takes most of the error off: 0.001 dB is left of alternating boosts and cuts of 12 dB
NEPERS = np.log(10.0) / 20.0


def groups(bands: int, most: int) -> tuple[int, int]:
    """How many groups of how many bands."""
    count = ceil(bands / most)
    return count, ceil(bands / count)


def sections(wanted_db: Float[Array, " m"], centres_hz: np.ndarray, ratio: float, sr: float) -> Section:
    r"""Peaks whose cascade has the gains `wanted_db` at centres that stand apart by `ratio`.

    A peak of gain $G = e^L$ that has $G^c$ at the centre below has $1 / Q = \sqrt{X c\,h(c L) / ((1 - c)\,h((1 - c)
    L))}$, $h(a) = \sinh(a) / a$, $X = (1 / w - w)^2$, $w$ the ratio of the two warped frequencies. Its gain is then
    nearly $g$ times a fixed curve, so that with $B$ these curves at the centres, $g \leftarrow g + B^{-1} (g^* -
    R(g))$ soon leaves nothing between the response $R(g)$ and what is wanted. Bands above what the sample rate
    carries act at 0.49 of it, where they do what they ask for on average.

    Reference: Välimäki, Liski, "Accurate cascade graphic equalizer", IEEE Signal Processing Letters 24(2), 2017.
    """
    carried = centres_hz <= HIGHEST * sr
    centre = np.minimum(centres_hz, HIGHEST * sr)
    warped, below = np.tan(np.pi * centre / sr), np.tan(np.pi * centre / ratio / sr)
    skirt = (warped / below - below / warped) ** 2
    apart = (warped[:, None] / warped - warped / warped[:, None]) ** 2

    def sharpness(nepers):
        return skirt * SKIRT / (1.0 - SKIRT) * _sinhc(SKIRT * nepers) / _sinhc((1.0 - SKIRT) * nepers)  # 1 / Q^2

    def reached(gain_db):
        u, gain = sharpness(NEPERS * gain_db), jnp.exp(NEPERS * gain_db)
        each = jnp.log(apart + u * gain) - jnp.log(apart + u / gain)
        return jnp.where(carried, jnp.sum(each, axis=1) * 0.5 / NEPERS, gain_db)

    u, gain = (np.asarray(v, np.float64) for v in (_host_sharpness(skirt), 10.0 ** (PROTOTYPE_DB / 20.0)))
    interaction = np.log((apart + u * gain) / (apart + u / gain)) * 0.5 / NEPERS / PROTOTYPE_DB
    undone = np.linalg.inv(np.where(carried[:, None], interaction, np.eye(centre.size)))
    wanted = jnp.where(carried, wanted_db, wanted_db / max(1, np.sum(~carried)))

    def correct(gain_db, _):
        return gain_db + jnp.matmul(undone.astype(gain_db.dtype), wanted - reached(gain_db), precision="highest"), None

    gain_db = lax.scan(correct, jnp.zeros_like(wanted), length=ROUNDS + 1)[0]
    q = 1.0 / jnp.sqrt(sharpness(NEPERS * gain_db))
    return equaliser_sections(("peak",) * centre.size, jnp.asarray(centre, q.dtype), gain_db, q, sr)


def _host_sharpness(skirt: np.ndarray) -> np.ndarray:
    nepers = NEPERS * PROTOTYPE_DB
    return skirt * np.sinh(SKIRT * nepers) / np.sinh((1.0 - SKIRT) * nepers)


def _sinhc(a: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\sinh(a) / a$."""
    near = jnp.abs(a) < 0.3
    far = jnp.where(near, 1.0, a)
    square = a * a
    return jnp.where(near, 1.0 + square / 6.0 * (1.0 + square / 20.0 * (1.0 + square / 42.0)), jnp.sinh(far) / far)
