"""What a chain is given: audio, or notes. The one place that knows the difference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import Any, TypeAlias

import jax
import numpy as np

from ._block import Block, walk
from ._errors import NotesError
from ._notes import Notes, stacked
from .dsp.midi_pitch import hz

Source: TypeAlias = np.ndarray | Notes


def check_takes(chain: Block, source: Source, sr: int) -> None:
    """Raises `NotesError` where a synth is given audio, an effect notes, or a note is beyond half the sample rate."""
    given = "notes" if isinstance(source, Notes) else "audio"
    if chain.takes != given:
        raise NotesError(
            "notes-needed",
            f"{chain} takes {chain.takes} and was given {given}.",
            "Give a synth notes: dl.note(60), or a .mid file." if given == "audio" else "Put a synth before it.",
        )
    if isinstance(source, Notes) and (highest := hz(np.max(source.pitch))) >= 0.5 * sr:
        remedy = f"Stay below {0.5 * sr:g} Hz, or raise the rate."
        raise NotesError("notes-nyquist", f"A note of {highest:.0f} Hz at a sample rate of {sr}.", remedy)


def channels(source: Source) -> int:
    return 1 if isinstance(source, Notes) else source.shape[0]


def samples(source: Source, sr: int) -> int:
    return source.samples(sr) if isinstance(source, Notes) else source.shape[1]


def passage(source: Source, start: int, stop: int, lead: int, length: int, sr: int) -> Source:
    """Samples `start - lead` to `stop` of a source, silence before its beginning, and after them up to
    `lead + length`."""
    if isinstance(source, Notes):
        return source.window((start - lead) / sr, (lead + length) / sr)
    x = np.pad(source, ((0, 0), (lead, 0)))[:, start : stop + lead]
    return np.pad(x, ((0, 0), (0, length - (stop - start))))


def stack(sources: Sequence[Source]) -> Any:
    """Sources of one length with an axis in front."""
    several = [s for s in sources if isinstance(s, Notes)]
    return stacked(several) if several else np.stack([s for s in sources if not isinstance(s, Notes)])


def note_pieces(chain: Block, source: Notes, total: int, piece: int, sr: int) -> Iterator[tuple[Notes, int]]:
    """The notes that sound in each stretch of `piece` samples, and how many of these are real."""
    tail_s = max((getattr(block, "tail_s", 0.0) for block in walk(chain)), default=0.0)
    ends_s = source.onset_s + source.duration_s + tail_s
    for first in range(0, total, piece):
        sounding = (source.onset_s * sr < first + piece) & (ends_s * sr >= first)
        part = jax.tree.map(lambda v, at=sounding: v[at], source)
        if not part.count:
            part = jax.tree.map(lambda v: v[:1], source).window(1e6, 1.0)  # long over
        part = part.of_count(1 << (part.count - 1).bit_length())
        early_s = inf if total > piece else 0.0
        yield replace(part.window(first / sr, piece / sr), early_s=early_s), min(piece, total - first)


def digest(source: Source) -> str:
    """The same for the same source."""
    arrays = [np.ascontiguousarray(leaf) for leaf in jax.tree.leaves(source)]
    said = repr((source.length_s, source.longest_s)).encode() if isinstance(source, Notes) else b""
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays) + said).hexdigest()[:16]
