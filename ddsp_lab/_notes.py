"""Notes: what a synth hears instead of audio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, log2
from reprlib import repr as short

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from ._errors import NotesError

MAX_NOTES, MAX_AT_ONCE = 65_536, 128
LONGEST_S = 3600.0
BOUNDS = (
    ("onset_s", 0.0, LONGEST_S),
    ("duration_s", 1e-4, LONGEST_S),
    ("pitch", -36.0, 148.0),  # 1 Hz, and 42 kHz
    ("velocity", 1e-4, 1.0),
)
FINER = 4  # steps an octave that buffers are as long as: a compiled program serves more than one length


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Notes:
    """Notes over `length_s` seconds, one entry of each array a note.

    `pitch` counts semitones, 69 is 440 Hz, and may be fractional; `velocity` is above 0, up to 1, and 0 where there is
    no note. Times are in seconds from the first sample. `longest_s` bounds the durations: so long is a voice's buffer,
    beside its release; none begins earlier than `early_s` before the first sample. `number` seeds a note's noise, which
    is then the same in pieces. Made by `notes`, `note` or `read_midi`, which check; a pytree, for `vmap` and gradients.
    """

    onset_s: Float[Array, " n"] | np.ndarray
    duration_s: Float[Array, " n"] | np.ndarray
    pitch: Float[Array, " n"] | np.ndarray
    velocity: Float[Array, " n"] | np.ndarray
    number: Int[Array, " n"] | np.ndarray
    length_s: float = field(metadata={"static": True})
    longest_s: float = field(metadata={"static": True})
    early_s: float = field(default=0.0, metadata={"static": True})

    @property
    def count(self) -> int:
        return self.pitch.shape[-1]

    def samples(self, sr: int) -> int:
        """How much audio these notes are."""
        return round(self.length_s * sr)

    def rows(self) -> list[list[float]]:
        """As `notes` takes them."""
        table = np.stack([self.onset_s, self.duration_s, self.pitch, self.velocity], axis=1)
        return np.asarray(table, np.float64).tolist()

    def longer(self, seconds: float) -> Notes:
        """The same, with so much silence after them."""
        return replace(self, length_s=self.length_s + seconds)

    def window(self, start_s: float, length_s: float) -> Notes:
        """What is heard of them between `start_s` and `start_s + length_s`: notes may begin before it."""
        onset_s, early_s = np.asarray(self.onset_s, np.float64) - start_s, max(0.0, self.early_s + start_s)
        return replace(self, onset_s=onset_s, length_s=length_s, early_s=early_s)

    def of_count(self, count: int) -> Notes:
        """With silent notes at the end, so that several can be stacked."""
        room = (0, count - self.count)
        more = {k: np.pad(getattr(self, k), room, mode="edge") for k in ("onset_s", "duration_s", "pitch", "number")}
        return replace(self, **more, velocity=np.pad(self.velocity, room))


def stacked(several: Sequence[Notes]) -> Notes:
    """One pytree with an axis in front of every array."""
    most = max(one.count for one in several)
    same = {k: max(getattr(one, k) for one in several) for k in ("length_s", "longest_s", "early_s")}
    padded = [replace(one.of_count(most), **same) for one in several]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *padded)


def note(pitch: float = 60.0, duration_s: float = 1.0, velocity: float = 0.8, length_s: float | None = None) -> Notes:
    """One note at the beginning; `length_s` of audio, twice the note's if None."""
    return notes([(0.0, duration_s, pitch, velocity)], length_s)


def notes(rows: Iterable[Sequence[float]], length_s: float | None = None) -> Notes:
    """Notes from rows of `onset_s, duration_s, pitch, velocity`; `length_s` of audio, a second after the last if None.

    Raises `NotesError` for what is no note: a length of zero, a pitch or a velocity out of range, too many at once.
    """
    try:
        table = np.array(list(rows), np.float64).reshape(-1, 4)
    except (TypeError, ValueError):
        raise NotesError(
            "notes-shape", f"{short(rows)} are no notes.", "Give rows of onset_s, duration_s, pitch, velocity."
        ) from None
    if not 1 <= len(table) <= MAX_NOTES:
        raise NotesError("notes-empty", f"There are {len(table)} notes.", f"Give 1 to {MAX_NOTES}.")
    table = table[np.argsort(table[:, 0], kind="stable")]
    for column, (what, low, high) in zip(table.T, BOUNDS, strict=True):
        wrong = np.flatnonzero(~((column >= low) & (column <= high)))
        if wrong.size:
            raise NotesError(
                "notes-range",
                f"Note {wrong[0]} has {what}={column[wrong[0]]:g}.",
                f"Give {low:g} to {high:g}: pitch counts semitones, 69 is 440 Hz.",
            )
    ends = table[:, 0] + table[:, 1]
    length = float(ends.max() + min(1.0, table[:, 1].max())) if length_s is None else float(length_s)
    if not 0.0 < length <= 2.0 * LONGEST_S:
        raise NotesError("notes-range", f"length_s={length_s!r}.", "Give the seconds of audio that are wanted.")
    if (most := _at_once(table[:, 0], ends)) > MAX_AT_ONCE:
        raise NotesError(
            "notes-voices", f"{most} notes sound at once.", f"Up to {MAX_AT_ONCE} can: leave some out, or shorten them."
        )
    onset_s, duration_s, pitch, velocity = table.T
    longest_s = _bucket(duration_s.max())
    return Notes(onset_s, duration_s, pitch, velocity, np.arange(len(table)), length_s=length, longest_s=longest_s)


def _at_once(onsets: np.ndarray, ends: np.ndarray) -> int:
    changes = np.concatenate([np.stack([ends, -np.ones_like(ends)], 1), np.stack([onsets, np.ones_like(onsets)], 1)])
    return int(np.cumsum(changes[np.argsort(changes[:, 0], kind="stable"), 1]).max())


def _bucket(seconds: float) -> float:
    """A little longer: one of few lengths."""
    return 2.0 ** (ceil(FINER * log2(seconds) - 1e-9) / FINER)


def roomy(samples: int) -> int:
    """As many or a few more: one of few numbers."""
    return ceil(_bucket(samples))
