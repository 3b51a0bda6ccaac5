"""Patches for many one-shots at once: a folder of drum hits takes little longer than a few of them."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import __version__
from ._block import Block
from ._choice import AUTO
from ._errors import DdspLabError, FitError, NotesError
from ._families import PITCHED, STRUCK, families, price, question
from ._heard import Playing, playing
from ._match import TARGET, TONAL
from ._matched import MatchResult, keep_notes
from ._pairs import prepare_pair
from ._parse import parse, parse_target
from ._preset import Preset
from ._process import compile_seconds, make_room_for_programs
from ._render import as_audio, check_rate, render
from ._run import CONFIG, RunFolder
from ._saved import keep, saved
from ._score import at_bound, remarks, rounded, scores
from ._source import digest
from ._space import Space
from ._target import Target
from ._together import Found, Member, Together, shape_of
from .audio import mixdown
from .dsp.transcribe import transcribe

MOST = 64  # recordings whose spectra are held at once
SCOUTS = 8  # random points, the same for every recording


class _Job(NamedTuple):
    """One recording with one chain."""

    index: int
    chain: Block
    play: Playing
    member: Member


def match_many(
    references: Sequence[Any],
    sr: int | Sequence[int],
    synth: Block | str = AUTO,
    *,
    target: Target | str | None = None,
    seed: int = 0,
    frozen: Iterable[str] = (),
    folders: Sequence[str | os.PathLike[str]] | None = None,
    fresh: bool = False,
) -> list[MatchResult | DdspLabError]:
    """`match` for many short recordings: what is found for each, in their order, or why nothing was.

    `references` are as those of `match`, `sr` is the rate of all or of each. Recordings of about one length are
    searched side by side in one program, each by fewer steps than `match` takes; what is found for one does not depend
    on the others. `auto` takes the family whose guess is nearest. `folders`, one for each, are written as run folders
    are, but with an empty journal and no page, which `ddsp-lab report` writes: what is finished there is not computed
    again, the rest is. The seconds of a result count from the beginning of the batch.
    """
    rates = [sr] * len(references) if isinstance(sr, int) else list(sr)
    if len(rates) != len(references) or (folders is not None and len(folders) != len(references)):
        raise FitError("fit-pairs", "There are not as many rates or folders as references.", "Give one for each.")
    goal, still, began = parse_target(target or TARGET), tuple(frozen), time.perf_counter()
    given = None if synth == AUTO else parse(synth)
    if given is not None and given.takes != "notes":
        raise NotesError("notes-needed", f"{synth} takes no notes.", "Begin it with a synth: subtractive >> chorus.")
    make_room_for_programs()

    def place(i: int) -> Path | None:
        return None if folders is None else Path(folders[i])

    def config(i: int) -> dict[str, Any]:
        same = {"batch": str(synth), "target": str(goal), "seed": seed, "frozen": list(still), "version": __version__}
        return same | {"sample_rate": rates[i], "recording": digest(sounds[i])}

    compiled, results, sounds, said, waiting = compile_seconds(), {}, {}, {}, {}

    def hear(i: int) -> None:
        rate = check_rate(rates[i])
        audio = sounds[i] = as_audio(references[i], "the reference")
        if not fresh and (kept := _kept(place(i), config(i))):
            results[i] = kept
            return
        mono = mixdown(audio, 1)[0]
        heard = transcribe(mono, rate)
        said[i] = [("hear-unsure", remark) for remark in heard.remarks]
        play = partial(playing, heard=heard, played=None, x=mono, sr=rate, frozen=still)
        names = (*PITCHED, *STRUCK) if heard.confidence.max() >= TONAL else STRUCK
        waiting[i] = play, [given] if given else families(names, audio, rate)

    def job(i: int, chain: Block) -> _Job:
        play = waiting[i][0](chain)
        problem, points = question(chain, play.line, sounds[i], rates[i], goal, play.frozen)
        scouts = np.random.default_rng(seed).random((SCOUTS, points.shape[1]))
        return _Job(i, chain, play, Member(problem, np.concatenate([points, scouts])))

    def each(what: Callable[[int], Any], which: Iterable[int]) -> list[Any]:
        """What comes of it in threads, of those of which something does."""

        def told(i: int) -> Any:
            try:
                return what(i)
            except DdspLabError as error:
                results[i] = error

        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            return [found for found in threads.map(told, which) if found is not None]

    each(hear, range(len(references)))
    nearest: dict[int, tuple[float, _Job]] = {}
    for rank in range(max((len(tried) for _, tried in waiting.values()), default=0)):
        having = sorted(i for i, (_, tried) in waiting.items() if rank < len(tried))
        jobs = each(lambda i, rank=rank: job(i, waiting[i][1][rank]), having)
        for alike in _groups(jobs):
            glances = Together([one.member for one in alike]).glance() if given is None else [np.zeros(1)] * len(alike)
            for one, losses in zip(alike, glances, strict=True):
                cost = float(losses.min()) * price(one.chain, one.play.frozen)
                if one.index not in nearest or cost < nearest[one.index][0]:
                    nearest[one.index] = (cost, one)
    for alike in _groups([one for i, (_, one) in nearest.items() if i not in results]):
        found = Together([one.member for one in alike]).search()
        pairs = {one.index: (one, of) for one, of in zip(alike, found, strict=True)}
        taken = time.perf_counter() - began, compile_seconds() - compiled

        def written(i: int, pairs: Any = pairs, taken: tuple[float, float] = taken) -> None:
            one, of = pairs[i]
            results[i] = _result(one, of, sounds[i], rates[i], said[i], place(i), config(i), fresh, taken)

        each(written, pairs)
    return [results[i] for i in range(len(references))]


def _groups(jobs: Iterable[_Job]) -> list[list[_Job]]:
    """Those that one program serves, no more of them than the memory holds."""
    alike = defaultdict(list)
    for one in jobs:
        alike[shape_of(one.member.problem)].append(one)
    return [group[k : k + MOST] for group in alike.values() for k in range(0, len(group), MOST)]


def _kept(folder: Path | None, config: dict[str, Any]) -> MatchResult | None:
    """What a folder holds of the same search, if that was finished."""
    try:
        if folder is None or json.loads((folder / CONFIG).read_text(encoding="utf-8")) != config:
            return None
        found = saved(folder)
    except (OSError, ValueError, RecursionError, DdspLabError):
        return None
    return found if isinstance(found, MatchResult) else None


def _result(
    job: _Job,
    found: Found,
    audio: np.ndarray,
    sr: int,
    said: list[tuple[str, str]],
    folder: Path | None,
    config: dict[str, Any],
    fresh: bool,
    taken: tuple[float, float],
) -> MatchResult:
    if not np.isfinite(found.loss):
        raise FitError("fit-diverged", "No point gave a finite loss.", "Check the recording.")
    space = Space(job.chain, job.play.frozen)
    values = space.decode(found.u)
    pair = prepare_pair(job.play.line, audio, sr, job.chain, aligned=False)
    fitted = np.atleast_2d(render(job.chain, values, job.play.line, sr))
    metrics: dict[str, Any] = rounded(
        {
            "loss_start": found.loss_start,
            "loss": found.loss,
            **scores([pair], [fitted], sr),
            "evaluations": found.evaluations,
            "seconds": taken[0],
            "compile_seconds": taken[1],
            "seed": config["seed"],
        }
    )
    metrics |= {"at_bound": at_bound(space, found.u), "insensitive": []}
    preset = Preset.of(job.chain, values, sr, {"target": config["target"], "version": __version__, **metrics})
    result = MatchResult(
        preset,
        metrics,
        ((found.evaluations, metrics["loss"]),),
        (*said, *pair.notes, *remarks(job.chain, preset.values, sr)),
        {"reference": pair.reference, "fit": fitted},
        sr,
        played=job.play.line,
        confidence=tuple(np.round(job.play.sure, 3).tolist()),
    )
    if folder is not None:
        with RunFolder(folder, config, fresh) as run:
            run.save_preset(preset)
            result = keep(run, result)
        keep_notes(folder, result)
    return result
