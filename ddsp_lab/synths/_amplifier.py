"""The envelope that makes a note of a sound that goes on, with its knobs."""

from __future__ import annotations

from typing import Any

from jaxtyping import Array, Float

from .._block import Values
from .._param import Param
from .._synth import VOLUME, Note
from ..dsp.envelopes import adsr, bent

TAIL_S = 2.0  # the longest release


def envelope_params(prefix: str = "", **defaults: float) -> tuple[Param, ...]:
    """An ADSR's four knobs: `attack_ms`, `decay_ms`, `sustain`, `release_ms`, behind a prefix."""
    known = {"attack_ms": 5.0, "decay_ms": 200.0, "sustain": 0.7, "release_ms": 100.0} | defaults
    times = {"attack_ms": (0.5, 2000.0), "decay_ms": (1.0, 5000.0), "release_ms": (1.0, 1e3 * TAIL_S)}
    return tuple(
        Param(prefix + k, *times[k], default=v, unit="ms", scale="log") if k in times else Param(prefix + k, 0, 1, v)
        for k, v in known.items()
    )


AMPLIFIER = (*envelope_params(), Param("gate", 0.05, 1.0, default=1.0), *VOLUME)


def envelope(p: Values, note: Note, samples: int, sr: int, prefix: str = "", curve: Any = 4.0) -> Float[Array, " t"]:
    """From 0 to 1 and back; capacitors charge and discharge (`curve`). Let go after the share `gate` of the note."""
    attack, decay, release = (1e-3 * p[f"{prefix}{k}_ms"] for k in ("attack", "decay", "release"))
    t = note.seconds(samples, sr)
    return adsr(t, p["gate"] * note.duration_s, attack, decay, p[f"{prefix}sustain"], release, curve)


def damping(p: Values, note: Note, samples: int, sr: int) -> Float[Array, " t"]:
    """1 while the note lasts, then within `release_ms` to 0: what a damper does to a body that rings by itself."""
    return 1.0 - bent((note.seconds(samples, sr) - note.duration_s) / (1e-3 * p["release_ms"]), 4.0)
