"""From a recording alone to a playable patch: its notes are heard, and a synth is fitted to how they sound."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ._block import Block, leaves
from ._choice import AUTO
from ._errors import NotesError
from ._evaluate import Evaluate
from ._fit import fit
from ._midi import write_midi
from ._notes import Notes, notes
from ._optimizer import Optimizer
from ._parse import parse
from ._render import as_audio, check_rate
from ._result import FitResult
from ._run import NOTES
from ._saved import amend
from ._space import Space
from ._synth import Synth
from ._target import Target
from .audio import mixdown
from .dsp.transcribe import transcribe
from .report import write_report

FAMILIES = (  # what `auto` tries
    *("subtractive", "additive", "fm", "plucked_string", "modal"),
    *("kick", "snare", "tom", "hihat", "clap", "filtered_noise"),
)
FINALISTS = 3  # of them
GLANCE, SHORT = "random_search(generations=1, population=64)", "adam(steps=50, starts=4, scouts=100)"
LONG = "successive_halving"
RACE = 0.1  # of the budget, for each of the finalists
PAYS = 0.005  # of the loss: what another parameter has to take off it
SURE = 0.5  # confidence from which a pitch is taken for right


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


def match(
    reference: Any,
    sr: int,
    synth: Block | str = AUTO,
    *,
    played: Notes | None = None,
    target: Target | str | None = None,
    optimizer: Optimizer | str | None = None,
    seed: int = 0,
    frozen: Iterable[str] = (),
    budget: int | None = None,
    seconds: float | None = None,
    folder: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    executor: Executor | str | None = None,
    watch: Callable[[Evaluate], None] = lambda _: None,
    report: bool = True,
) -> MatchResult:
    """Find a patch that sounds like a recording, without its notes and without a dry signal.

    `reference` is `(samples,)` or `(channels, samples)` at `sr` Hz: one note, a drum hit or a line of single notes. Its
    onsets, pitches and levels are heard, unless `played` says them, and then `synth`, a chain that begins with synths,
    is fitted to it, by random points and descents from the best of them if no `optimizer` is named. Where the pitch is
    sure, parameters called `tune_st` are frozen. `auto` looks at random points of some families, searches three of
    them shortly, and keeps the one whose loss is lowest once every parameter has cost it half a hundredth. Everything
    else is as in `fit`; a `folder` holds `notes.mid` too.

    Raises `DdspLabError`: for silence (`hear-silence`), for a chain that takes no notes, and as `fit` does.
    """
    audio, sr, said = as_audio(reference, "the reference"), check_rate(sr), []
    families = [parse(family) for family in (FAMILIES if synth == AUTO else (synth,))]
    if families[0].takes != "notes":
        raise NotesError("notes-needed", f"{synth} takes no notes.", "Begin it with a synth: subtractive >> chorus.")
    known = {"tune_st", "gate"}  # by their names, what of a synth need not be found
    if played is None:
        heard = transcribe(mixdown(audio, 1)[0], sr)
        rows = np.stack([heard.onset_s, heard.duration_s, heard.pitch, heard.velocity], axis=1)
        played, confidence = notes(rows.tolist(), audio.shape[1] / sr), heard.confidence
        said = [("hear-unsure", remark) for remark in heard.remarks]
        known = {"tune_st"} if confidence.min() >= SURE else set()
    else:
        confidence = np.ones(played.count)

    def fitted(chain: Block, way: Optimizer | str, budget: int | None, **kept: Any) -> FitResult:
        still = [path for path, q, owner in leaves(chain) if isinstance(owner, Synth) and q.name in known]
        frozen_too = [*frozen, *still]
        return fit(
            chain, played, audio, sr, target, way, seed, frozen=frozen_too, budget=budget, executor=executor, **kept
        )

    chain = families[0]
    if len(families) > 1:
        short = None if budget is None else max(1, round(RACE * budget))
        glanced = [fitted(family, GLANCE, short).metrics["loss"] for family in families]
        families = [families[i] for i in np.argsort(glanced, kind="stable")[:FINALISTS]]
        losses = [fitted(family, SHORT, short).metrics["loss"] for family in families]
        costs = [loss * (1.0 + PAYS) ** Space(family).size for loss, family in zip(losses, families, strict=True)]
        chain = families[int(np.argmin(costs))]
        table = ", ".join(f"{family} {loss:.3g}" for family, loss in zip(families, losses, strict=True))
        said.append(("match-chosen", f"{chain}: of {len(FAMILIES)} families, short searches left {table}."))
    result = fitted(
        chain, optimizer or LONG, budget, seconds=seconds, folder=folder, fresh=fresh, watch=watch, report=False
    )
    parts = {f.name: getattr(result, f.name) for f in dataclasses.fields(FitResult)}
    parts["notes"] = (*said, *result.notes)
    found = MatchResult(**parts, played=played, confidence=tuple(np.round(confidence, 3).tolist()))
    if folder is not None:
        write_midi(Path(folder) / NOTES, played)
        amend(folder, notes=[list(note) for note in found.notes], confidence=list(found.confidence))
        if report:
            write_report(folder)
    return found
