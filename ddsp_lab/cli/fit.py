"""`ddsp-lab fit`: from recordings to a preset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._errors import FitError, ParameterError
from .._fit import fit as fit_chain
from ._ending import end
from ._options import Budget, Freeze, Fresh, Output, Processes, Quiet, Report, Seconds, Seed, Target, Way
from ._progress import ProgressBar
from ._recordings import load_pairs
from ._shell import Json, Strict, verb


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
    report: Report = True,
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
    with ProgressBar(quiet) as watch:
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
            report=False,
        )
    inputs = dict.fromkeys(path for both in files for path in both)
    written = ["preset.json", "fit.flac", "metrics.json"]
    end(result, folder, inputs, [*sounds.notes, *result.notes], written, report, quiet, as_json)


def _tie(said: str) -> tuple[str, str]:
    path, _, source = said.partition("=")
    if not source:
        raise ParameterError("unknown-parameter", f"--tie {said!r} names one parameter.", "Write --tie PATH=PATH.")
    return path, source
