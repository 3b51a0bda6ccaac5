"""Harmonics that glide with their note."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._synth import Note
from ..dsp.harmonics import frames_for, gliding_harmonics
from ..dsp.modal import audible
from ._phase import phase

HOP = 128  # samples between two of their levels


def seconds(samples: int, sr: int) -> Float[np.ndarray, "frames 1"]:
    """When, since the onset, their levels are given."""
    return (np.arange(frames_for(samples, HOP)) * HOP / sr)[:, None]


def of_power_one(level: Float[Array, " k"], heard: Float[Array, " k"]) -> Float[Array, " k"]:
    """Levels in proportion, so that the squares of those that are heard add up to 1."""
    return level / jnp.sqrt(jnp.sum((heard * level) ** 2) + 1e-6)


def gliding(
    note: Note,
    tune_st: Float[Array, "*t"],
    level: Float[Array, " k"],
    samples: int,
    sr: int,
    fading: Float[Array, "frames k"] | float = 1.0,
) -> Float[Array, " t"]:
    """Harmonics in the proportions of `level`, of power one at the onset; those beyond hearing fade out."""
    turns, per_sample = phase(note, tune_st, samples, sr)
    at = np.minimum(np.arange(frames_for(samples, HOP)) * HOP, samples - 1)
    hz = jnp.broadcast_to(per_sample, (samples,))[at] * sr
    k = np.arange(1, level.shape[0] + 1)
    level = of_power_one(level, audible(hz[0] * k, sr)) * fading
    return gliding_harmonics(turns, level * audible(hz[:, None] * k, sr), HOP)
