"""What was heard in a recording, as the notes that a chain is to play."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ._block import Block, leaves
from ._families import pitched, rings
from ._notes import Notes, notes, roomy
from ._synth import MIDDLE, Synth
from .dsp.transcribe import Heard

SURE = 0.5  # confidence from which a pitch is taken for right
RISES_DB, BEFORE_S, AFTER_S, FRAME_S = 3.0, 0.02, 0.05, 0.01  # at a hit, the level about it
ONE_S = 0.1  # two beginnings of one hit: a clap has several


class Playing(NamedTuple):
    """What a chain plays, how sure each pitch is, and what of the chain need not be found."""

    line: Notes
    sure: np.ndarray
    frozen: tuple[str, ...]


def unsure(heard: Heard) -> list[tuple[str, str]]:
    """What is to be said of what was heard, with its code."""
    return [("hear-unsure", remark) for remark in heard.remarks]


def playing(
    chain: Block, heard: Heard | None, played: Notes | None, x: np.ndarray, sr: int, frozen: Iterable[str]
) -> Playing:
    """How a chain plays what was `heard` in `x`, or else `played`; more than what is `frozen` need not be found."""
    if heard is None:
        assert played is not None
        line, sure, known = played, np.ones(played.count), {"tune_st", "gate"}
    else:
        line, sure = notes_for(chain, heard, x, sr)
        known = {"tune_st"} if sure.min() >= SURE else set()
    if np.ptp(line.velocity) == 0.0:
        known |= {"velocity_sensitivity", "hardness_db"}
    if rings(chain) and line.count == 1 and line.onset_s[0] + line.duration_s[0] >= x.size / sr - 1e-6:
        known |= {"release_ms", "gate"}  # nothing of them is heard
    return Playing(line, sure, (*frozen, *owned(chain, known)))


def owned(chain: Block, names: Collection[str]) -> list[str]:
    """The paths of the parameters of its synths that have one of these names."""
    return [path for path, q, owner in leaves(chain) if isinstance(owner, Synth) and q.name in names]


def notes_for(chain: Block, heard: Heard, x: np.ndarray, sr: int) -> tuple[Notes, np.ndarray]:
    """The notes, and how sure each pitch is. `x` is mono.

    What dies away by itself is struck only where the level rises, and may ring until it is struck again. A drum is
    tuned at `MIDDLE`: it is played there, and its other hits as much above it as they are heard.
    """
    length_s = x.size / sr
    rows = np.stack([heard.onset_s, heard.duration_s, heard.pitch, heard.velocity], axis=1)
    sure = heard.confidence
    if rings(chain):
        hits = struck(x, sr, heard.onset_s)
        rows, sure = rows[hits], sure[hits]
        rows[:, 3] /= rows[:, 3].max()
        rows[:, 1] = np.append(np.diff(rows[:, 0]), roomy(x.size) / sr)  # one program for many
    if not pitched(chain):
        loudest = int(np.argmax(rows[:, 3]))
        rows[:, 2] = MIDDLE + (rows[:, 2] - rows[loudest, 2] if sure.min() >= SURE else 0.0)
        sure = np.ones(len(rows))
    return notes(rows.tolist(), length_s), sure


def struck(x: np.ndarray, sr: int, onsets_s: Sequence[float] | np.ndarray, rises_db: float = RISES_DB) -> np.ndarray:
    """Which onsets are louder than what is before them, the first one always."""
    power = np.convolve(np.square(x), np.ones(size := max(1, round(FRAME_S * sr))) / size, mode="full")
    found, last = [], -np.inf
    for onset in onsets_s:
        at = round(float(onset) * sr)
        before = power[max(at - round(BEFORE_S * sr), 0) : at].max(initial=0.0)
        after = power[at : at + round(AFTER_S * sr)].max(initial=0.0)
        rises = onset - last >= ONE_S and after > 10.0 ** (rises_db / 10.0) * before
        found.append(rises or not found)
        last = onset if found[-1] else last
    return np.array(found)
