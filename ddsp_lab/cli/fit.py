"""`ddsp-lab fit`: from recordings to a preset."""

from __future__ import annotations

import time
from collections import deque
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from .._errors import FitError, ParameterError
from .._evaluate import Evaluate
from .._fit import fit as fit_chain
from .._result import FitResult
from ._options import Budget, Freeze, Fresh, Output, Processes, Quiet, Seconds, Seed, Target, Way
from ._recordings import load_pairs
from ._shell import Json, Strict, err, notes_json, out, show_json, show_notes, show_table, text, verb

FIGURES = ("loss", "esr", "esr_aligned", "mrstft", "held_out", "latency_samples", "gain_db", "polarity")
EVERY_S = 0.1  # between two looks at the progress bar
RECENT_S = 5.0  # over which its speed is measured


@verb
def fit(
    dry: Annotated[Path, typer.Argument(help="The dry recording or, for synths, the notes: a .mid file.")],
    reference: Annotated[Path, typer.Argument(metavar="REF", help="What it should sound like.")],
    chain: Annotated[str, typer.Option(help="The chain, such as 'parametric_eq(bands=4) >> compressor >> gain'.")],
    pair: Annotated[list[Path] | None, typer.Option(metavar="DRY REF", help="Another pair, fitted together.")] = None,
    target: Target = None,
    observed_through: Annotated[
        str | None, typer.Option(metavar="DAMAGE", help="What happened to the references, such as 'clip'.")
    ] = None,
    optimizer: Way = None,
    prior: Annotated[float, typer.Option(min=0.0, help="Weight of the distance from the start.")] = 0.0,
    budget: Budget = None,
    seconds: Seconds = None,
    seed: Seed = 0,
    output: Output = None,
    freeze: Freeze = None,
    tie: Annotated[list[str] | None, typer.Option(metavar="PATH=PATH", help="A parameter that copies another.")] = None,
    align: Annotated[bool, typer.Option(help="Measure and take off the delay between the recordings.")] = True,
    executor: Processes = None,
    fresh: Fresh = False,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit a chain to a recording; called again, it goes on where it stopped."""
    others = pair or []
    if len(others) % 2:
        raise FitError("fit-pairs", "--pair needs two files.", "Write --pair DRY REF.")
    files = [(dry, reference), *zip(others[::2], others[1::2], strict=True)]
    sounds = load_pairs(files, strict)
    folder = output or Path("runs") / reference.stem
    with ProgressBar(budget, quiet) as watch:
        result = fit_chain(
            chain,
            sounds.dry,
            sounds.reference,
            sounds.sr,
            target,
            optimizer,
            seed,
            frozen=freeze or (),
            ties=[_tie(text) for text in tie or ()],
            prior=prior,
            budget=budget,
            seconds=seconds,
            align=align,
            strict=strict,
            observed_through=observed_through,
            folder=folder,
            fresh=fresh,
            executor=executor,
            watch=watch,
        )
    notes = [*sounds.notes, *result.notes]
    if as_json:
        show_json({**result.metrics, "notes": notes_json(notes)})
        return
    show_result(result, [] if quiet else notes)
    out.print(f"{folder}: preset.json, fit.flac, metrics.json", soft_wrap=True)


def _tie(said: str) -> tuple[str, str]:
    path, _, source = said.partition("=")
    if not source:
        raise ParameterError("unknown-parameter", f"--tie {said!r} names one parameter.", "Write --tie PATH=PATH.")
    return path, source


def show_result(result: FitResult, notes: list[tuple[str, str]]) -> None:
    """The figures and the settings, for a person."""
    show_notes(notes)
    m: dict[str, Any] = dict(result.metrics)
    out.print(
        f"loss {text(m['loss_start'])} at the start, {text(m['loss'])} now, {text(m['held_out'])} on what was held out"
    )
    show_table([(name, m[name]) for name in FIGURES[1:]], "figure", "")
    show_table(result.table(), "parameter", "value", "range")
    if m["at_bound"]:
        out.print(f"* at a bound: {text(m['at_bound'])}", soft_wrap=True)
    if m["insensitive"]:
        out.print(f"hardly matters: {text(m['insensitive'])}", soft_wrap=True)
    out.print(f"{m['evaluations']} evaluations in {m['seconds']:.1f} s, {m['compile_seconds']:.1f} s of them compiling")


class ProgressBar:
    """A line on stderr, where that is a terminal: the best loss so far, evaluations, how fast it goes and how long."""

    def __init__(self, budget: int | None, quiet: bool = False):
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            *((BarColumn(),) if budget else ()),
            TimeElapsedColumn(),
        )
        self.progress = Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal)
        self.task = self.progress.add_task("compiling", total=budget)
        self.shown = 0.0
        self.seen: deque[tuple[float, int]] = deque(maxlen=round(RECENT_S / EVERY_S))

    def __enter__(self) -> ProgressBar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def __call__(self, evaluate: Evaluate) -> None:
        now = time.monotonic()
        if now - self.shown > EVERY_S:
            self.shown = now
            self.seen.append((now, evaluate.evaluations))
            self.progress.update(self.task, completed=evaluate.evaluations, description=self.said(evaluate))

    def said(self, evaluate: Evaluate) -> str:
        """The line: what is left is reckoned with the speed of the last seconds."""
        said = f"loss {evaluate.best.loss:.3g} after {evaluate.evaluations} evaluations"
        (then, before), (now, count) = self.seen[0], self.seen[-1]
        if count == before:
            return said
        rate = (count - before) / (now - then)
        left = min(evaluate.seconds_left, (evaluate.budget - count) / rate)
        return f"{said}, {rate:.3g}/s" + (f", {left:.0f} s left" if isfinite(left) else "")
