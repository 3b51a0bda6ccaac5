"""From a recording alone to a playable patch: its notes are heard, and a synth is fitted to how they sound."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import cache
from typing import Any

import numpy as np

from ._block import Block
from ._choice import AUTO
from ._evaluate import Evaluate
from ._families import families, glance, named, pitched, price, synths, ways
from ._fit import fit
from ._heard import Playing, playing, unsure
from ._matched import MatchResult, keep_notes
from ._notes import Notes
from ._optimizer import Optimizer
from ._parse import parse, parse_target
from ._race import Race, kept_race
from ._readings import readings
from ._render import as_audio, check_rate
from ._result import FitResult
from ._target import Target
from .audio import mixdown
from .dsp.transcribe import transcribe
from .report import write_report

FINALISTS = 3  # families that are searched
AS_HEARD, UNSURE = 0.95, 0.05  # of the loss: by what another reading of the notes, or an unsure one, has to be better
RACE = 0.1  # of the budget, for each of the finalists
JUDGE = "multi_resolution_stft(edges='reflect', floor_db=-140)"  # of finalists: a descent on how they end diverges
# a hit's phase is heard where it begins with the recording, and its noise is as loud as it was, be it another draw
TARGET = "multi_resolution_stft(edges='reflect', symmetric=true)"


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
    is fitted to it from what its sources guess, unless an `optimizer` is named. What sounds at the pitch of its notes
    plays the pitches that are heard, and parameters called `tune_st` are frozen where these are sure; a drum is tuned
    at a pitch of 60 and is played there, so that what is heard is in its `tune_hz`. `auto` looks at what some families
    guess, with `hiss` where the recording has noise under it, searches three of them shortly, and keeps the one whose
    distance, faint sounds included, is least once every parameter has cost it 0.3 %. Everything else is as in `fit`; a
    `folder` holds `notes.mid` too, and what `auto` has chosen.

    Raises `DdspLabError`: for silence (`hear-silence`), for a chain that takes no notes, and as `fit` does.
    """
    audio, sr, said = as_audio(reference, "the reference"), check_rate(sr), []
    chain = named(synth)
    mono, goal = mixdown(audio, 1)[0], parse_target(target or TARGET)
    heard = None if played is not None else transcribe(mono, sr)
    if heard is not None:
        said += unsure(heard)
    still = tuple(frozen)

    @cache
    def read(chain: Block) -> list[Playing]:
        """How a chain may play the recording, as it is heard first."""
        told = [heard] if heard is None or not pitched(chain) else readings(heard, mono, sr, synths(chain))
        return [playing(chain, reading, played, mono, sr, still) for reading in told]

    @cache
    def guessed(chain: Block, i: int) -> float:
        """The loss of the best guess, in that reading."""
        return glance(chain, read(chain)[i].line, audio, sr, goal, read(chain)[i].frozen)

    @cache
    def best(chain: Block) -> int:
        """The reading that the chain explains best."""
        doubts = [1.0 + UNSURE * (1.0 - float(reading.sure.min())) for reading in read(chain)]
        doubts[0] *= AS_HEARD
        return min(range(len(doubts)), key=lambda i: guessed(chain, i) * doubts[i]) if len(doubts) > 1 else 0

    def play(chain: Block) -> Playing:
        return read(chain)[best(chain)]

    def fitted(chain: Block, way: Optimizer | str, budget: int | None, **kept: Any) -> FitResult:
        line, _, known = play(chain)
        return fit(chain, line, audio, sr, goal, way, seed, frozen=known, budget=budget, executor=executor, **kept)

    def race() -> Race:
        began = time.perf_counter()
        tried = families(heard, audio, sr)
        glanced = [guessed(family, best(family)) * price(family, play(family).frozen) for family in tried]
        finalists = [tried[i] for i in np.argsort(glanced, kind="stable")[:FINALISTS]]
        short = None if budget is None else max(1, round(RACE * budget))
        ran = [fitted(family, ways(family, play(family).frozen)[0], short) for family in finalists]
        heard_in = parse_target(target or JUDGE)
        losses = [heard_in.between(audio, result.sounds["fit"], sr) for result in ran]
        prices = [price(family, play(family).frozen) for family in finalists]
        first = int(np.argmin(np.array(losses) * prices))
        table = ", ".join(f"{family} {loss:.3g}" for family, loss in zip(finalists, losses, strict=True))
        took = f"{time.perf_counter() - began:.0f} s"
        text = f"{finalists[first]}: of {len(tried)} families, short searches left {table}; that took {took}."
        return Race(str(finalists[first]), ran[first].preset.values, text)

    start = None
    if chain is None:
        won = kept_race(race, folder, fresh, (audio, sr, str(goal), seed, budget, still, played))
        chain, start = parse(won.chain), won.values
        said.append(("match-chosen", won.said))
    line, confidence, known = play(chain)
    way = optimizer or ways(chain, known)[1]
    kept = {"seconds": seconds, "folder": folder, "fresh": fresh, "watch": watch}
    result = fitted(chain, way, budget, start=start, report=False, **kept)
    parts = {f.name: getattr(result, f.name) for f in dataclasses.fields(FitResult)}
    parts["notes"] = (*said, *result.notes)
    found = MatchResult(**parts, played=line, confidence=tuple(np.round(confidence, 3).tolist()))
    if folder is not None:
        keep_notes(folder, found)
        if report:
            write_report(folder)
    return found
