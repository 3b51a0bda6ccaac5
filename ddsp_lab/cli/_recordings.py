"""Pairs of files as a fit wants them: at one rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import audio
from .._errors import AudioError
from .._midi import read_midi
from .._notes import Notes


class Recordings(NamedTuple):
    """Dry recordings, or notes, and their references at one rate, and what had to be done for that."""

    dry: list[np.ndarray | Notes]
    reference: list[np.ndarray]
    sr: int
    notes: list[tuple[str, str]]


def source(path: Path) -> audio.Recording | Notes:
    """What a chain is given: a recording or, from a `.mid` file, notes."""
    return read_midi(path) if path.suffix.lower() in (".mid", ".midi") else audio.load(path)


def load_pairs(paths: Sequence[tuple[Path, Path]], strict: bool) -> Recordings:
    """Read pairs of files; where rates differ, everything takes that of the first dry recording."""
    loaded = [(source(a), audio.load(b)) for a, b in paths]
    first = next(one for one in loaded[0] if isinstance(one, audio.Recording))
    sr = first.sr
    notes: list[tuple[str, str]] = []

    def at_rate(recording: audio.Recording | Notes) -> Any:
        if isinstance(recording, Notes):
            return recording
        if recording.sr == sr:
            return recording.samples
        said = f"{recording.path} is at {recording.sr} Hz, {first.path} at {sr} Hz"
        if strict:
            raise AudioError("audio-rate", f"{said}.", "Resample one of them, or leave out --strict.")
        notes.append(("audio-rate", f"{said}: it was resampled."))
        return audio.resample(recording.samples, recording.sr, sr)

    sounds = [(at_rate(a), at_rate(b)) for a, b in loaded]
    return Recordings([a for a, _ in sounds], [b for _, b in sounds], sr, notes)
