"""The four knobs of an envelope."""

from __future__ import annotations

from ._param import Param

TAIL_S = 2.0  # the longest release


def envelope_params(prefix: str = "", **defaults: float) -> tuple[Param, ...]:
    """An ADSR's four knobs: `attack_ms`, `decay_ms`, `sustain`, `release_ms`, behind a prefix."""
    known = {"attack_ms": 5.0, "decay_ms": 200.0, "sustain": 0.7, "release_ms": 100.0} | defaults
    times = {"attack_ms": (0.5, 2000.0), "decay_ms": (1.0, 5000.0), "release_ms": (1.0, 1e3 * TAIL_S)}
    return tuple(
        Param(prefix + k, *times[k], default=v, unit="ms", scale="log") if k in times else Param(prefix + k, 0, 1, v)
        for k, v in known.items()
    )
