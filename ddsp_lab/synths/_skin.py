"""What a struck skin sounds: a sine whose pitch falls as the skin comes to rest."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._block import Values
from .._param import Param
from .._synth import Note
from ..dsp import trig
from ..dsp.envelopes import dying
from ..dsp.phase import running

HIGHEST = 0.45  # of the sample rate
PHASE = Param("phase", -0.5, 0.5, default=0.0)  # in cycles, at the onset


def falling_hz(p: Values, note: Note, t: Float[Array, " t"]) -> Float[Array, " t"]:
    r"""$f_0\,2^{(p - 60) / 12}\,2^{s\,10^{-3 t / T_s} / 12}$ of `tune_hz`, `sweep_st` and `sweep_ms`."""
    return p["tune_hz"] * note.above * jnp.exp2(p["sweep_st"] * dying(t, 1e-3 * p["sweep_ms"]) / 12.0)


def sine(hz: Float[Array, " t"], note: Note, sr: int, phase: Float[Array, ""] | float = 0.0) -> Float[Array, " t"]:
    """Of a moving frequency, `phase` in cycles at the onset."""
    hz = jnp.minimum(hz, HIGHEST * sr)
    return trig.sine(running(hz, sr) + note.lead(hz[0], sr) + phase)
