"""The notes of a line, heard in its recording, on the host."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import median_filter

from . import midi_pitch
from .frame_view import thinned, thinning
from .note_starts import SHORTEST_S, note_starts
from .pitch_steps import LEAST
from .scene import Scene, listen, runs
from .single_tone import Partials, lowest_mode, partials

FALLEN_DB, FAINT_DB = 40.0, 25.0  # below its own peak a note has ended; below the loudest, a noise is no note
ATTACK_S, BODY_DB = 0.03, 20.0  # which frames of a note tell its pitch: after this, and as loud as this below its peak
HARMONIC = 0.7  # of the power, of a single tone at least
FOREIGN, NOISY = 0.25, 0.07  # of the power: what is no more a tone's has none of it, what lacks no more has all of it
ONE_OF = 0.3  # of the confidence, that a common subharmonic of several tones keeps


@dataclass(frozen=True)
class Heard:
    """Notes in the order of their onsets, all arrays of one length, and what is to be said about them.

    `pitch` is a fractional MIDI number, $69 + 12 \\log_2(f / 440)$; `velocity` in (0, 1] is the square root of the
    note's peak level, 1 for the loudest. `confidence` from 0 to 1 is 0 for a note without a pitch, whose `pitch` is
    that of its lowest strong mode or the middle of its spectrum, and below 0.5 for several tones at once.

    Reference for velocity: Dannenberg, "The interpretation of MIDI velocity", International Computer Music Conference,
    2006.
    """

    onset_s: Float[np.ndarray, " n"]
    duration_s: Float[np.ndarray, " n"]
    pitch: Float[np.ndarray, " n"]
    velocity: Float[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]
    remarks: tuple[str, ...] = ()


class _Note(NamedTuple):
    onset_s: float
    duration_s: float
    pitch: float
    peak_db: float
    confidence: float
    pitched: bool
    several: bool


def _first_voice(voiced: Bool[np.ndarray, " n"], fewest: int) -> Bool[np.ndarray, " n"]:
    """Without what sounds after the first voice of some length has ended: that is another's."""
    ends = next((end for start, end in runs(voiced) if end - start >= fewest), len(voiced))
    return voiced & (np.arange(len(voiced)) < ends)


def _belonging(s: Scene, start: int, end: int, pitch: float) -> Partials:
    """What share of the sound between two frames belongs to the pitch that is heard there."""
    curve = np.clip(median_filter(s.midi[start : end + 1], 5), pitch - LEAST, pitch + LEAST)
    rate = s.sr / thinning(s.sr)
    piece = thinned(s.x[round(start * s.hop_s * s.sr) : round(end * s.hop_s * s.sr) + 1], s.sr)
    midi = np.interp(np.arange(piece.size) / rate, np.arange(curve.size) * s.hop_s, curve)
    return partials(piece, rate, midi_pitch.hz(midi))


def _note(s: Scene, onset_s: float, until_s: float, low_hz: float) -> _Note:
    first = s.frame(onset_s)
    within = slice(first, max(s.frame(until_s), first + 1))
    level, midi, fewest = s.level[within], s.midi[within], round(SHORTEST_S / s.hop_s)
    peak = float(level.max())
    body, voiced = level > peak - BODY_DB, _first_voice(s.voiced[within], fewest)
    tells = voiced & body
    if tells.sum() * s.hop_s > 3.0 * ATTACK_S:
        tells[: round(ATTACK_S / s.hop_s)] = False
    pitched = bool(tells.sum() >= fewest)
    sounds = voiced if pitched else level >= min(max(peak - FALLEN_DB, s.gate), peak)
    lasts = max(min((1 + np.flatnonzero(sounds)[-1]) * s.hop_s, until_s - onset_s), SHORTEST_S)
    if not pitched:
        hz, _ = lowest_mode(s.x[round(onset_s * s.sr) : round((onset_s + lasts) * s.sr)], s.sr, low_hz)
        return _Note(onset_s, lasts, float(midi_pitch.midi(hz)), peak, 0.0, False, False)
    pitch = float(np.median(midi[tells]))
    told = first + np.flatnonzero(tells)
    of = _belonging(s, int(told[0]), int(told[-1]), pitch)
    periodic, steady = np.median(s.f0.confidence[within][tells]), np.mean(np.abs(midi[tells] - pitch) < LEAST)
    alone = np.clip((of.harmonic - FOREIGN) / (1.0 - FOREIGN - NOISY), 0.0, 1.0) * (1.0 if of.single else ONE_OF)
    confidence = float(periodic * steady * np.mean(voiced[body]) * alone)
    pitch += 12.0 * float(np.log2(of.first))
    return _Note(onset_s, lasts, pitch, peak, confidence, True, not of.single or of.harmonic < HARMONIC)


def transcribe(x: Float[np.ndarray, " t"], sr: int, low_hz: float = 27.5, high_hz: float = 4200.0) -> Heard:
    """The notes of a monophonic line. `x` is mono, `sr` and the range of pitches in Hz.

    A pitch that moves by 0.7 semitones for 50 ms is another note, vibrato and glides are none. Raises `AudioError`:
    `hear-silence` where there is nothing to hear, `audio-shape`, `audio-not-finite`.
    """
    s = listen(np.asarray(x, np.float64), sr, low_hz, high_hz)
    starts = note_starts(s)
    notes = [_note(s, a, b, low_hz) for a, b in pairwise([*starts, s.x.size / sr])]
    loudest = max(n.peak_db for n in notes)
    notes = [n for n in notes if n.pitched or n.peak_db > loudest - FAINT_DB]
    remarks = []
    for count, of_them in (
        (sum(n.several for n in notes), "like several tones at once: the pitch is a guess"),
        (
            sum(not n.pitched for n in notes),
            "without a pitch: given is that of the lowest strong mode, or of the middle",
        ),
    ):
        if count:
            remarks.append(f"{count} of {len(notes)} notes sound {of_them}.")
    onset, duration, pitch, peak, confidence, *_ = np.array(notes, float).T
    return Heard(onset, duration, pitch, 10.0 ** ((peak - loudest) / 40.0), confidence, tuple(remarks))
