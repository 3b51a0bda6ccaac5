"""What comes of a match: a fit, and the notes that were heard."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ._midi import write_midi
from ._notes import Notes
from ._result import FitResult
from ._run import NOTES
from ._saved import amend


@dataclass(frozen=True)
class MatchResult(FitResult):
    """A patch, as a fit gives it, and the notes that it plays; `confidence` in the pitch of each, 1 where they were
    given."""

    played: Notes = field(kw_only=True, repr=False)
    confidence: tuple[float, ...] = field(kw_only=True, repr=False)

    def table_of_notes(self) -> list[dict[str, float]]:
        """One entry a note: when, how long, which pitch (69 is 440 Hz), how loud, and how sure that pitch is."""
        columns = {k: getattr(self.played, k) for k in ("onset_s", "duration_s", "pitch", "velocity")}
        columns["confidence"] = np.array(self.confidence)
        return [
            {k: round(float(v), 4) for k, v in zip(columns, row, strict=True)}
            for row in zip(*columns.values(), strict=True)
        ]


def keep_notes(folder: str | os.PathLike[str], found: MatchResult) -> None:
    """Write into a run folder what a match knows beside a fit."""
    write_midi(Path(folder) / NOTES, found.played)
    amend(folder, notes=[list(note) for note in found.notes], confidence=list(found.confidence))
