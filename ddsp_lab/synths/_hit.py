"""The one hit in a recording that tells most of a drum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .._block import Values
from .._notes import Notes
from .._synth import MIDDLE
from ..dsp.midi_pitch import hz

LEAST_S = 0.004  # of sound, to be told something by


class Hit(NamedTuple):
    """A note, and what a recording holds from its onset until the next: mono, in float64."""

    x: Float[np.ndarray, " t"]
    sr: int
    pitch: float
    velocity: float
    duration_s: float

    @property
    def above(self) -> float:
        """How many times as high as `MIDDLE` it is played."""
        return 2.0 ** ((self.pitch - MIDDLE) / 12.0)

    @property
    def hz(self) -> float:
        return float(hz(self.pitch))

    def level_db(self, amplitude: float, p: Values | None) -> float:
        """The `level_db` that gives this note an amplitude."""
        sensitivity = 1.0 if p is None else float(np.asarray(p["velocity_sensitivity"]))
        touch = 1.0 + sensitivity * (self.velocity - 1.0)
        return 20.0 * float(np.log10(max(amplitude, 1e-9) / max(touch, 1e-4)))


def loudest_hit(source: Notes, reference: np.ndarray, sr: int) -> Hit | None:
    """The note with the most energy until the next; None where nothing sounds, or not for long enough."""
    x = np.asarray(reference, np.float64).mean(axis=0)
    onsets = np.asarray(source.onset_s, np.float64)
    starts = np.round(onsets * sr).astype(int)
    hits = []
    for i, start in enumerate(starts):
        later = starts[starts > start]
        part = x[max(start, 0) : later.min() if later.size else x.size]
        if part.size >= LEAST_S * sr and np.isfinite(part).all() and source.velocity[i] > 0.0:
            hits.append(Hit(part, sr, float(source.pitch[i]), float(source.velocity[i]), float(source.duration_s[i])))
    best = max(hits, key=lambda hit: float(hit.x @ hit.x), default=None)
    return best if best is not None and np.abs(best.x).max() > 1e-6 else None


def within(block: object, guess: Values) -> Values:
    """A guess with everything inside its range."""
    known = {q.name: q for q in block.params}  # pyright: ignore[reportAttributeAccessIssue]
    return {k: np.clip(v, known[k].low, known[k].high) for k, v in guess.items()}
