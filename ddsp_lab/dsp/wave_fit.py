"""Which wave has the harmonics that were heard, on the host."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .band_limited import blend

POINTS, HARMONICS = 1024, 64
SHAPES, WIDTHS = np.linspace(0.0, 3.0, 31), np.linspace(0.05, 0.5, 19)  # a pulse and what is left of it sound alike
FAINT = 1e-3  # of the strongest harmonic
APART = 2  # cells of the table between two answers


@jax.jit
def _waves(shapes: Float[Array, " n"], widths: Float[Array, " n"]) -> Float[Array, "n t"]:
    turns = jnp.arange(POINTS) / POINTS
    return jax.vmap(lambda s, w: blend(turns, jnp.asarray(1.0 / POINTS), s, w))(shapes, widths)


def wave_harmonics(
    shapes: Float[np.ndarray, " n"], widths: Float[np.ndarray, " n"], count: int
) -> Float[np.ndarray, "n k"]:
    """The amplitudes of the first harmonics of waves."""
    waves = np.asarray(_waves(jnp.asarray(shapes), jnp.asarray(widths)))
    return 2.0 / POINTS * np.abs(np.fft.rfft(waves))[:, 1 : count + 1]


@cache
def _table() -> Float[np.ndarray, "shapes widths k"]:
    """The amplitudes of the harmonics of each wave."""
    shapes, widths = (v.ravel() for v in np.meshgrid(SHAPES, WIDTHS, indexing="ij"))
    return wave_harmonics(shapes, widths, HARMONICS).reshape(SHAPES.size, WIDTHS.size, HARMONICS)


def nearest_waves(harmonics: Float[np.ndarray, " k"], count: int) -> list[tuple[float, float]]:
    """`shape` and `width` of the waves whose harmonics are nearest in dB, loud ones counting more; best first."""
    k = min(harmonics.size, HARMONICS)
    heard, table = harmonics[:k] / max(harmonics[:k].max(initial=0.0), 1e-9), _table()[..., :k]
    table = table / table.max(axis=2, keepdims=True)
    weight = (heard + table) ** 0.5 * (heard > 0.0)
    error = np.abs(np.log(heard + FAINT) - np.log(table + FAINT)) * weight
    error = error.sum(axis=2) / (weight.sum(axis=2) + 1e-9)
    chosen: list[tuple[int, int]] = []
    for i, j in zip(*np.unravel_index(np.argsort(error, axis=None), error.shape), strict=True):
        if len(chosen) < count and all(abs(i - a) > APART for a, _ in chosen):
            chosen.append((int(i), int(j)))
    return [(float(SHAPES[i]), float(WIDTHS[j])) for i, j in chosen]
