"""Patches for many one-shots at once: a folder of drum hits takes little longer than a few of them."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ._block import Block
from ._choice import AUTO
from ._errors import DdspLabError, FitError
from ._families import named, price
from ._match import TARGET
from ._matched import MatchResult
from ._one_of_many import Asked, Job, OneOfMany
from ._parse import parse_target
from ._process import compile_seconds, make_room_for_programs
from ._render import as_audio, check_rate
from ._target import Target
from ._together import Together, shape_of

MOST = 64  # recordings whose spectra are held at once
Results = dict[int, MatchResult | DdspLabError]


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
    chain = named(synth)
    make_room_for_programs()
    began, compiled = time.perf_counter(), compile_seconds()
    asked = Asked(chain, parse_target(target or TARGET), seed, tuple(frozen))
    results: Results = {}
    waiting: dict[int, OneOfMany] = {}

    def hear(i: int) -> None:
        audio = as_audio(references[i], "the reference")
        one = OneOfMany(asked, audio, check_rate(rates[i]), None if folders is None else Path(folders[i]))
        kept = None if fresh else one.kept()
        if kept is None:
            waiting[i] = one.having_heard()
        else:
            results[i] = kept

    _each(hear, range(len(references)), results)
    nearest = _nearest(waiting, results)
    for alike in _groups(nearest):
        found = dict(zip(alike, Together([nearest[i].member for i in alike]).search(), strict=True))
        taken = time.perf_counter() - began, compile_seconds() - compiled

        def write(i: int, found: Any = found, taken: tuple[float, float] = taken) -> None:
            results[i] = waiting[i].result(nearest[i], found[i], *taken, fresh)

        _each(write, alike, results)
    return [results[i] for i in range(len(references))]


def _nearest(waiting: Mapping[int, OneOfMany], results: Results) -> dict[int, Job]:
    """For each recording the chain whose guess is nearest, at its price."""
    best: dict[int, tuple[float, Job]] = {}
    for rank in range(max((len(one.chains) for one in waiting.values()), default=0)):
        having = sorted(i for i, one in waiting.items() if rank < len(one.chains))
        jobs: dict[int, Job] = {}

        def ask(i: int, jobs: dict[int, Job] = jobs, rank: int = rank) -> None:
            jobs[i] = waiting[i].job(waiting[i].chains[rank])

        _each(ask, having, results)
        for alike in _groups(jobs):
            alone = all(len(waiting[i].chains) == 1 for i in alike)
            losses = [[0.0]] * len(alike) if alone else Together([jobs[i].member for i in alike]).glance()
            for i, of in zip(alike, losses, strict=True):
                cost = float(min(of)) * price(jobs[i].chain, jobs[i].play.frozen)
                if i not in best or cost < best[i][0]:
                    best[i] = cost, jobs[i]
    return {i: job for i, (_, job) in best.items() if i not in results}


def _each(what: Callable[[int], None], which: Iterable[int], results: Results) -> None:
    """In threads; what cannot be done has an error for its result."""

    def told(i: int) -> None:
        try:
            what(i)
        except DdspLabError as error:
            results[i] = error

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        list(threads.map(told, which))


def _groups(jobs: Mapping[int, Job]) -> list[list[int]]:
    """Those that one program serves, no more of them than the memory holds."""
    alike = defaultdict(list)
    for i in sorted(jobs):
        alike[shape_of(jobs[i].member.problem)].append(i)
    return [group[k : k + MOST] for group in alike.values() for k in range(0, len(group), MOST)]
