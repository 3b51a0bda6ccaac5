"""The envelope that makes a note of a sound that goes on, with its knobs."""

from __future__ import annotations

from typing import Any

from jaxtyping import Array, Float

from .._adsr import envelope_params
from .._block import Values
from .._param import Param
from .._synth import VOLUME, Note
from ..dsp.envelopes import adsr, bent

AMPLIFIER = (*envelope_params(), Param("gate", 0.05, 1.0, default=1.0), *VOLUME)


def envelope(p: Values, note: Note, samples: int, sr: int, prefix: str = "", curve: Any = 4.0) -> Float[Array, " t"]:
    """From 0 to 1 and back; capacitors charge and discharge (`curve`). Let go after the share `gate` of the note."""
    attack, decay, release = (1e-3 * p[f"{prefix}{k}_ms"] for k in ("attack", "decay", "release"))
    t = note.seconds(samples, sr)
    return adsr(t, p["gate"] * note.duration_s, attack, decay, p[f"{prefix}sustain"], release, curve)


def damping(p: Values, note: Note, samples: int, sr: int) -> Float[Array, " t"]:
    """1 while the note lasts, then within `release_ms` to 0: what a damper does to a body that rings by itself."""
    return 1.0 - bent((note.seconds(samples, sr) - note.duration_s) / (1e-3 * p["release_ms"]), 4.0)
