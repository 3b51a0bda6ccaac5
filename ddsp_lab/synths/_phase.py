"""The phase of a note's oscillators, tuned away from it by a number or by a curve."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._param import Param
from .._synth import Note
from ..dsp.phase import running, steady

HIGHEST = 0.33  # of the sample rate: oscillators stop rising there
TUNE = Param("tune_st", -24.0, 24.0, default=0.0, unit="st", automatable=True)


def phase(
    note: Note, tune_st: Float[Array, "*t"], samples: int, sr: int
) -> tuple[Float[Array, " t"], Float[Array, "*t"]]:
    """In cycles since the onset, without whole ones, and in cycles a sample."""
    hz = jnp.minimum(note.hz * jnp.exp2(tune_st / 12.0), HIGHEST * sr)
    turns = steady(hz, jnp.arange(samples), sr) if jnp.ndim(hz) == 0 else running(hz, sr)
    per_sample = hz / sr
    return turns + note.lead(hz if jnp.ndim(hz) == 0 else hz[0], sr), per_sample
