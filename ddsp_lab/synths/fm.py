"""Frequency modulation: one sine that moves the phase of another."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._adsr import TAIL_S, envelope_params
from .._block import Context, Values
from .._param import Param
from .._synth import Note, Synth
from ..dsp.fm import pair
from ..dsp.phase import steady
from ._amplifier import AMPLIFIER, envelope

HIGHEST = 0.45  # of the sample rate


@dataclass(frozen=True)
class Fm(Synth):
    r"""$A(t) \sin(2\pi c f t + I v\,E(t) \sin(2\pi r c f t + \dots))$: sidebands every $r c f$ Hz, of the size $J_k$.

    $c$ is `carrier_ratio`, $r$ `ratio`, $I$ the `index` in radians under an envelope $E$ of its own, $v$ the velocity
    with the same sensitivity as the level's; `feedback` moves the modulator by the mean of its own last two samples.

    Reference: Chowning, "The synthesis of complex audio spectra by means of frequency modulation", Journal of the Audio
    Engineering Society 21(7), 1973.
    """

    tail_s: ClassVar[float] = TAIL_S
    params = (
        Param("carrier_ratio", 0.25, 8.0, default=1.0, scale="log"),
        Param("ratio", 0.125, 16.0, default=2.0, scale="log"),
        Param("index", 0.0, 16.0, default=3.0, unit="rad"),
        Param("feedback", 0.0, 1.5, default=0.2, unit="rad"),
        *envelope_params("index_", decay_ms=400.0, sustain=0.3),
        *AMPLIFIER,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        carrier_hz = jnp.minimum(note.hz * p["carrier_ratio"], HIGHEST * ctx.sr)
        modulator_hz = jnp.minimum(carrier_hz * p["ratio"], HIGHEST * ctx.sr)
        n = jnp.arange(samples, dtype=jnp.int32)
        carrier, modulator = (steady(hz, n, ctx.sr) + note.lead(hz, ctx.sr) for hz in (carrier_hz, modulator_hz))
        index = p["index"] * note.touch(p) * envelope(p, note, samples, ctx.sr, "index_")
        return pair(carrier, modulator, index, p["feedback"]) * envelope(p, note, samples, ctx.sr)
