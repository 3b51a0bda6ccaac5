"""From a recording alone to a playable patch: its notes are heard, and a synth is fitted to how they sound."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from math import inf
from typing import Any

import numpy as np

from ._block import Block, Values
from ._choice import AUTO
from ._evaluate import Evaluate
from ._families import NEAR, POLISH, families, named, price, ways
from ._fit import fit
from ._heard import Playing
from ._in_waves import muted
from ._listening import Listening
from ._matched import MatchResult, keep_notes
from ._notes import Notes, notes
from ._optimizer import Optimizer
from ._parse import parse, parse_target
from ._render import as_audio, check_rate
from ._result import FitResult
from ._start import Start, kept_start
from ._target import Target
from .report import write_report

FINALISTS = 3  # families that are searched
RACE, WAVE = 0.1, 0.5  # of the budget, for each of the finalists, and to find the wave, also of the seconds
SOLVED = 1e-4  # of the energy: where less is left beside a wave, the rest is polish
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
    distance, faint sounds included, is least once every parameter has cost it 0.3 %.

    Of one note, the very wave is looked for before the search, within half of the `budget` and of the `seconds`: where
    the chain made the recording, its onset, its pitch and the patch come out exact, and the search is about what is
    left. Everything else is as in `fit`; a `folder` holds `notes.mid` too, and what was found before the search.

    Raises `DdspLabError`: for silence (`hear-silence`), for a chain that takes no notes, and as `fit` does.
    """
    audio, sr = as_audio(reference, "the reference"), check_rate(sr)
    chain, goal, still = named(synth), parse_target(target or TARGET), tuple(frozen)

    def fitted(chain: Block, play: Playing, way: Optimizer | str, budget: int | None, **kept: Any) -> FitResult:
        line, _, known = play
        return fit(chain, line, audio, sr, goal, way, seed, frozen=known, budget=budget, executor=executor, **kept)

    def race(listening: Listening) -> tuple[Block, Values, str]:
        began = time.perf_counter()
        tried = families(listening.heard, audio, sr)
        plays = {family: listening.play(family) for family in tried}
        prices = {family: price(family, play.frozen) for family, play in plays.items()}
        finalists = sorted(tried, key=lambda family: listening.loss(family) * prices[family])[:FINALISTS]
        short = None if budget is None else max(1, round(RACE * budget))
        ran = [fitted(family, plays[family], ways(family, plays[family].frozen)[0], short) for family in finalists]
        heard_in = parse_target(target or JUDGE)
        losses = [heard_in.between(audio, result.sounds["fit"], sr) for result in ran]
        first = min(range(len(ran)), key=lambda i: losses[i] * prices[finalists[i]])
        table = ", ".join(f"{family} {loss:.3g}" for family, loss in zip(finalists, losses, strict=True))
        took = f"{time.perf_counter() - began:.0f} s"
        text = f"{finalists[first]}: of {len(tried)} families, short searches left {table}; that took {took}."
        return finalists[first], ran[first].preset.values, text

    def begin() -> Start:
        listening = Listening(audio, sr, goal, played, still)
        won, values, text = race(listening) if chain is None else (chain, {}, "")
        said = [*listening.remarks, *([("match-chosen", text)] if text else [])]
        play, spent = listening.play(won), 0
        way = ways(won, play.frozen)[1]
        if optimizer is None:
            wave, spent = listening.wave(won, *(inf if most is None else WAVE * most for most in (budget, seconds)))
            if wave is not None:
                play, values, left = wave
                way = POLISH if left < SOLVED else NEAR if muted(won) else way  # what is left is noise, or wrong
                text = f"The wave was found in {spent} evaluations: {left:.2g} of the energy is left beside it."
                said.append(("match-in-phase", text))
        return Start.of(won, values, play, str(way), said, spent)

    of = (audio, sr, str(chain), str(goal), str(optimizer), seed, budget, still, played)
    start = kept_start(begin, folder, fresh, of)
    play = Playing(played or notes(start.rows, audio.shape[1] / sr), np.array(start.sure), tuple(start.frozen))
    result = fitted(
        parse(start.chain),
        play,
        optimizer or start.way,
        None if budget is None else max(1, budget - start.spent),
        start=start.values,
        seconds=seconds,
        folder=folder,
        fresh=fresh,
        watch=watch,
        report=False,
    )
    parts = {f.name: getattr(result, f.name) for f in dataclasses.fields(FitResult)}
    parts["notes"] = (*map(tuple, start.said), *result.notes)
    found = MatchResult(**parts, played=play.line, confidence=tuple(np.round(play.sure, 3).tolist()))
    if folder is not None:
        keep_notes(folder, found)
        if report:
            write_report(folder)
    return found
