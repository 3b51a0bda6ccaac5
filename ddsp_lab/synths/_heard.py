"""What a recording tells of the note that stands out in it most."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._block import Values
from .._notes import Notes
from .._param import Param
from ..dsp.envelope_fit import fitted_adsr
from ..dsp.envelopes import adsr
from ..dsp.midi_pitch import hz
from ..dsp.steady_spectrum import steadied
from ..dsp.tone_levels import harmonic_levels, level_curve

HOP_S = 0.0025
LONGEST_S, SHORTEST_S = 4.0, 0.02  # of a note that is looked at
BODY = 0.25  # of the peak level: frames that tell the tone


class Heard(NamedTuple):
    """A note alone: `x` from its onset to the next one, mono; what was played; its level every 2.5 ms."""

    x: Float[np.ndarray, " t"]
    sr: int
    f0_hz: float
    duration_s: float
    velocity: float
    level: Float[np.ndarray, " n"]

    @property
    def hop(self) -> int:
        return max(1, round(HOP_S * self.sr))

    @property
    def time_s(self) -> Float[np.ndarray, " n"]:
        return np.arange(self.level.size) * self.hop / self.sr

    def harmonics(self, count: int) -> Float[np.ndarray, "n count"]:
        return harmonic_levels(self.x, self.sr, self.f0_hz, count, self.hop)[: self.level.size]

    def steadied(self, rate_hz: float, depth_st: float) -> Heard:
        """Without a vibrato, which moves no level by much in time."""
        x = steadied(self.x, self.sr, rate_hz, depth_st)
        return self._replace(x=x, level=level_curve(x, self.sr, max(self.f0_hz, 20.0), self.hop))

    @property
    def body(self) -> np.ndarray:
        """The frames that are loud."""
        return self.level > BODY * self.level.max()


def telling_note(notes: Notes, reference: np.ndarray, sr: int) -> Heard | None:
    """The note of most energy until the next begins; None where there is nothing to hear."""
    mono = np.asarray(reference, np.float64).mean(axis=0)
    onset, sounds = np.asarray(notes.onset_s, float), np.asarray(notes.velocity) > 0.0
    ends = np.append(onset[1:], mono.size / sr)
    best, most = None, 0.0
    for i in np.flatnonzero(sounds):
        first, last = round(max(onset[i], 0.0) * sr), round(min(ends[i], onset[i] + LONGEST_S) * sr)
        energy = float(np.sum(np.square(mono[first:last])))
        if last - first >= SHORTEST_S * sr and energy > most:
            best, most = (int(i), mono[first:last]), energy
    if best is None:
        return None
    i, x = best
    f0_hz = float(np.clip(hz(float(notes.pitch[i])), 1.0, 0.45 * sr))
    level = level_curve(x, sr, max(f0_hz, 20.0), max(1, round(HOP_S * sr)))
    return Heard(x, sr, f0_hz, float(notes.duration_s[i]), float(notes.velocity[i]), level)


def amplifier_guess(heard: Heard, params: tuple[Param, ...]) -> Values:
    """`attack_ms`, `decay_ms`, `sustain`, `release_ms` and `gate` from the course of the level."""
    range_of = {q.name: (float(q.low), float(q.high)) for q in params}

    def scaled(name: str, by: float) -> tuple[float, float]:
        low, high = range_of[name]
        return by * low, by * high

    bounds = {f"{k}_s": scaled(f"{k}_ms", 1e-3) for k in ("attack", "decay", "release")}
    held = {"sustain": range_of["sustain"], "off_s": scaled("gate", heard.duration_s)}
    found = fitted_adsr(heard.time_s, heard.level, bounds | held)
    guess = {f"{k}_ms": 1e3 * found[f"{k}_s"] for k in ("attack", "decay", "release")}
    return guess | {
        "sustain": found["sustain"],
        "gate": float(np.clip(found["off_s"] / heard.duration_s, *range_of["gate"])),
    }


def enveloped(guess: Values, heard: Heard, t: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The envelope of a guess at times since the onset."""
    attack, decay, release = (1e-3 * guess[f"{k}_ms"] for k in ("attack", "decay", "release"))
    off = guess["gate"] * heard.duration_s
    return np.asarray(adsr(jnp.asarray(t), off, attack, decay, guess["sustain"], release, 4.0))
