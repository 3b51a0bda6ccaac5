"""The one loop that fits a chain to recordings, whatever the target and the optimizer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import nullcontext
from reprlib import repr as short
from typing import Any

import jax
import numpy as np

from . import __version__, _problem
from ._block import Block, state_files, walk
from ._candidates import candidates
from ._choice import AUTO, chosen
from ._crew import Crew
from ._damage import Damage
from ._errors import FitError, RunError
from ._evaluate import Evaluate
from ._findings import findings
from ._history import by_term
from ._look_ahead import check_look_ahead
from ._notes import Notes
from ._observed import Observed
from ._optimizer import Optimizer
from ._pairs import (
    Pair,
    Window,
    agreeing,
    alike_when_thinned,
    excerpt,
    joined,
    prepare_pair,
    problem,
    thinned,
    thinning,
    windows,
)
from ._parse import parse, parse_optimizer, parse_target
from ._preset import Preset
from ._problem import Problem
from ._process import compile_seconds, make_room_for_programs
from ._render import check_rate, render
from ._result import FitResult
from ._run import RunFolder
from ._saved import keep
from ._score import at_bound, insensitive, remarks, rounded, scores, sensitivity
from ._search import Search
from ._separate import Separation
from ._source import digest
from ._sources import Sources
from ._space import Space
from ._target import Target
from .report import write_report
from .targets.log_mel import LogMel
from .targets.multi_resolution_stft import MultiResolutionStft

SHORTEST_S = 0.001  # that a fit may be given
ROUGHLY = MultiResolutionStft(fft_sizes=(256, 512, 1024))  # of notes, at a lower rate
ROUGH_S = 1.25  # seconds of sound on which a search by levels in bands begins


def fit(
    chain: Block | str,
    dry: Any,
    reference: Any,
    sr: int,
    target: Target | str | None = None,
    optimizer: Optimizer | str | None = None,
    seed: int = 0,
    *,
    frozen: Iterable[str] = (),
    ties: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    start: Mapping[str, Any] | None = None,
    prior: float = 0.0,
    budget: int | None = None,
    seconds: float | None = None,
    align: bool = True,
    strict: bool = False,
    observed_through: Damage | str | None = None,
    folder: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    executor: Executor | str | None = None,
    watch: Callable[[Evaluate], None] = lambda _: None,
    report: bool = True,
) -> FitResult:
    """Find the values at which `chain` turns `dry` into `reference`: a recording or, where it begins with synths,
    `Notes`, which are over as long as the reference.

    Recordings are `(samples,)` or `(channels, samples)` at `sr` Hz; lists of them are fitted together. The end of each
    pair is held out of the fit. `target` is the error-to-signal ratio unless `align` is off, then the multi-resolution
    STFT distance. `optimizer` None or `auto` is the alternating recipe for a sum of squares with few
    parameters, Adam otherwise; where gradients are missing, `memetic`, or CMA-ES where nothing has one. A note says
    which, and why.
    `prior` times the mean square distance from the start, every range counting as 1, is added to the loss: for chains
    with more parameters than the recordings decide. `budget` is in evaluations, one for each rendering of the chain;
    after `seconds` of computing no other is begun, and a longer call with the same folder goes on from there.
    `frozen`, `ties` and `start` are those of `Space`. With a `folder` the run is kept there, and goes on there when
    called again; unless `report` is off, `report.html` lets one listen to it. `watch` is called after each
    evaluation. `observed_through` is a known damage of the references: a `Damage`, or the text of one.

    `executor` computes the generations of population searches: `serial` in a process of its own, `local:4` in four, or
    any `concurrent.futures.Executor` (`Crew` says what it must see). The first two give the same result to the bit;
    without one, generations are computed here, on all cores, and a loss may differ in its last bits.

    Raises `DdspLabError` with a code for whatever cannot be fitted; `fit-interrupted` on Ctrl-C, after saving.
    """
    began, compiled = time.perf_counter(), compile_seconds()
    make_room_for_programs()
    seed = _whole("seed", seed, -(2**63))
    budget = None if budget is None else _whole("budget", budget, 1)
    prior = _weight("prior", prior)
    seconds = np.inf if seconds is None else _weight("seconds", seconds, least=SHORTEST_S)
    crew = Crew(executor)
    block = parse(chain)
    space = Space(block, frozen, ties, start)
    space.check()
    sr = check_rate(sr)
    played = block.takes == "notes"  # nothing to line up, or to take apart link by link
    align = align and not played
    pairs = [prepare_pair(x, y, sr, block, align, strict) for x, y in _several(dry, reference)]
    goal = parse_target(target or ("esr" if align else "multi_resolution_stft"))
    goal = goal if observed_through is None else goal.observed_through(observed_through)
    suited, why = chosen(space, goal) if optimizer in (None, AUTO) else (optimizer, "")
    way = parse_optimizer(suited)
    pairs = agreeing(pairs, block, strict)
    check_look_ahead(block, min(pair.samples for pair in pairs), sr)
    config = _config(space, goal, way, seed, prior, budget, align, sr, pairs)
    with RunFolder(folder, config, fresh) if folder is not None else nullcontext() as run, crew:
        seen, held = windows(pairs, sr)

        def rough() -> Problem:
            if played:
                return problem(*thinned(pairs, seen, sr), space, ROUGHLY, sr // thinning(sr), prior)
            return problem(pairs, excerpt(pairs, seen, sr, ROUGH_S) or seen, space, LogMel(), sr, prior)

        short = excerpt(pairs, seen, sr)
        whole = problem(pairs, seen, space, goal, sr, prior)
        evaluate = Evaluate(
            whole,
            _suggesting(space, pairs, seen, align or goal.least_squares, sr),
            np.inf if budget is None else budget,
            run.journal if run else None,
            problem(pairs, held, space, goal, sr) if held else None,
            watch,
            problem(pairs, short, space, goal, sr, prior) if short else None,
            crew.computing(whole),
            seconds,
            rough
            if (alike_when_thinned(block, sr) if played else "phase" in goal.hears) and observed_through is None
            else None,
        )
        search = Search(evaluate, space, way, seed)
        if run is not None:
            search.on_round = lambda: run.save_preset(Preset.of(block, space.decode(evaluate.best.u), sr))
        try:
            u = search.run()
        except RunError as error:
            if run is None or error.code != "run-disk" or not np.isfinite(evaluate.best.loss):
                raise
            raise run.rescued(error, Preset.of(block, space.decode(evaluate.best.u), sr), evaluate.best.loss) from None
        values = space.decode(u)
        fits = [np.atleast_2d(render(block, values, pair.dry, sr)) for pair in pairs]

        def loss(v: np.ndarray) -> float:
            return float(_problem.losses(evaluate.problem, jax.numpy.asarray(v[None], jax.numpy.result_type(float)))[0])

        here, changes = loss(u), sensitivity(space, u, loss)
        metrics: dict[str, Any] = rounded(
            {
                "loss_start": search.loss_start,
                "loss": here,
                **scores(pairs, fits, sr),
                "held_out": evaluate.held_out(u) if held else None,
                "evaluations": evaluate.evaluations,
                "replayed": evaluate.replayed,
                "non_finite": evaluate.non_finite,
                "seconds": time.perf_counter() - began,
                "compile_seconds": compile_seconds() - compiled,
                "seed": seed,
            }
        )
        metrics |= {"at_bound": at_bound(space, u), "insensitive": insensitive(changes, here)}
        about = {"target": str(goal), "optimizer": str(way), "version": __version__, "jax": jax.__version__, **metrics}
        preset = Preset.of(block, values, sr, about)
        front = tuple((Preset.of(block, space.decode(v), sr), costs) for v, costs in evaluate.front)
        metrics |= {"front": len(front)} if front else {}
        known = {*walk(block), *(t.damage for _, t in goal.terms().values() if isinstance(t, Observed))}
        notes = [
            *(note for pair in pairs for note in pair.notes),
            *(finding.note for pair in pairs if not played for finding in findings(pair, sr, known)),
            *evaluate.notes.items(),
            *_stays(space, way),
            *crew.notes,
            *remarks(block, preset.values, sr),
            *([("optimizer-chosen", f"{way}: {why}.")] if why else ()),
        ]
        dry_sound = {} if isinstance(pairs[0].dry, Notes) else {"dry": pairs[0].dry}
        sounds = {**dry_sound, "reference": pairs[0].reference, "fit": fits[0]}
        if run is not None:
            metrics["preset"] = str(run.save_preset(preset))
            for link, state in state_files(block, values, sr):
                run.save_state(link, state)
        result = FitResult(
            preset,
            metrics,
            tuple(evaluate.history),
            tuple(notes),
            sounds,
            sr,
            front,
            by_term(evaluate),
            changes,
            candidates(front, pairs[0].dry, sr),
        )
        if run is not None:
            result = keep(run, result)
            run.journal.sync()
    if folder is not None and report:
        write_report(folder)
    return result


def _suggesting(
    space: Space, pairs: list[Pair], seen: list[Window], aligned: bool, sr: int
) -> Separation | Sources | None:
    """What suggests points to go on from, of what the fit sees."""
    if isinstance(pairs[0].dry, Notes):
        until = max(w.stop for w in seen if w.pair == 0)
        return Sources(space, pairs[0].dry, pairs[0].reference[:, :until], sr)
    return Separation(space, *joined(pairs, seen), sr) if aligned else None


def _whole(what: str, value: Any, least: int) -> int:
    """A whole number that 64 bits hold."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not least <= value.__index__() < 2**63:
        raise FitError("bad-setting", f"{what}={short(value)}.", f"Give a whole number from {least} up.")
    return value.__index__()


def _weight(what: str, value: Any, least: float = 0.0) -> float:
    """A finite number, `least` or more."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not least <= value < np.inf:
        raise FitError("bad-setting", f"{what}={short(value)}.", f"Give a number from {least:g} up.")
    return float(value)


def _several(dry: Any, reference: Any) -> list[tuple[Any, Any]]:
    many = [
        isinstance(x, (list, tuple)) and len(x) > 0 and (isinstance(x[0], Notes) or np.ndim(x[0]) > 0)
        for x in (dry, reference)
    ]
    if many == [False, False]:
        return [(dry, reference)]
    if many != [True, True] or len(dry) != len(reference):
        raise FitError(
            "fit-pairs", "There are not as many references as dry recordings.", "Give two lists of one length."
        )
    return list(zip(dry, reference, strict=True))


def _stays(space: Space, optimizer: Optimizer) -> list[tuple[str, str]]:
    """The note on parameters that the search has not moved."""
    discrete = space.layout.discrete
    if optimizer.handles_settings or not discrete:
        return []
    said = f"{optimizer} does not search whole numbers and choices: {', '.join(discrete)} stayed as they started."
    return [("fit-discrete-stays", f"{said} Use memetic, pygad or cma_es, or freeze them.")]


def _config(
    space: Space,
    target: Target,
    optimizer: Optimizer,
    seed: int,
    prior: float,
    budget: int | None,
    align: bool,
    sr: int,
    pairs: list[Pair],
) -> dict[str, Any]:
    """All that decides the course of a fit: two runs that agree in this give the same answers."""
    return {
        "chain": str(space.chain),
        "frozen": list(space.frozen),
        "ties": dict(space.layout.ties),
        "start": {k: v.tolist() for k, v in space.base.items()},
        "target": str(target),
        "optimizer": str(optimizer),
        "seed": seed,
        "prior": prior,
        "budget": budget,
        "align": align,
        "sample_rate": sr,
        "recordings": [[digest(pair.dry), digest(pair.reference)] for pair in pairs],
        "versions": {"ddsp_lab": __version__, "jax": jax.__version__, "numpy": np.__version__},
        "device": jax.devices()[0].device_kind,
    }
