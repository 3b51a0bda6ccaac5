"""Pairs of files as a fit wants them: at one rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import audio
from .._errors import AudioError


class Recordings(NamedTuple):
    """Dry recordings and their references at one rate, and what had to be done for that."""

    dry: list[np.ndarray]
    reference: list[np.ndarray]
    sr: int
    notes: list[tuple[str, str]]


def load_pairs(paths: Sequence[tuple[Path, Path]], strict: bool) -> Recordings:
    """Read pairs of files; where rates differ, everything takes that of the first dry recording."""
    loaded = [(audio.load(a), audio.load(b)) for a, b in paths]
    sr = loaded[0][0].sr
    notes: list[tuple[str, str]] = []

    def at_rate(recording: audio.Recording) -> np.ndarray:
        if recording.sr == sr:
            return recording.samples
        said = f"{recording.path} is at {recording.sr} Hz, {loaded[0][0].path} at {sr} Hz"
        if strict:
            raise AudioError("audio-rate", f"{said}.", "Resample one of them, or leave out --strict.")
        notes.append(("audio-rate", f"{said}: it was resampled."))
        return audio.resample(recording.samples, recording.sr, sr)

    sounds = [(at_rate(a), at_rate(b)) for a, b in loaded]
    return Recordings([a for a, _ in sounds], [b for _, b in sounds], sr, notes)
