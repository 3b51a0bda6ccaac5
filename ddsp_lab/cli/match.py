"""`ddsp-lab match`: from a recording alone to a patch and its notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import audio
from .._match import match as match_synth
from .._midi import read_midi
from ._ending import end
from ._many import recordings, refuse_beside_many, show_many
from ._options import Budget, Freeze, Fresh, Output, Processes, Quiet, Report, Seconds, Seed, Target, Way
from ._progress import ProgressBar
from ._shell import Json, verb


@verb
def match(
    references: Annotated[
        list[Path], typer.Argument(metavar="REF...", help="The sound that is wanted; or many, or folders of them.")
    ],
    synth: Annotated[
        str, typer.Option(metavar="EXPR|auto", help="A chain that begins with synths, such as 'subtractive >> chorus'.")
    ] = "auto",
    notes: Annotated[
        Path | None, typer.Option(metavar="MID", help="What it plays, where that is known: a .mid file.")
    ] = None,
    target: Target = None,
    optimizer: Way = None,
    budget: Budget = None,
    seconds: Seconds = None,
    seed: Seed = 0,
    output: Output = None,
    freeze: Freeze = None,
    executor: Processes = None,
    fresh: Fresh = False,
    report: Report = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Find a patch that sounds like a recording: its notes are heard, and a synth is fitted. Many recordings are
    searched together."""
    found = recordings(references)
    if len(found) > 1 or found != references:
        refuse_beside_many(notes=notes, optimizer=optimizer, budget=budget, seconds=seconds, executor=executor)
        show_many(
            found,
            output or Path("runs"),
            as_json,
            synth=synth,
            target=target,
            seed=seed,
            frozen=freeze or (),
            fresh=fresh,
        )
        return
    reference = references[0]
    sound = audio.load(reference)
    folder = output or Path("runs") / reference.stem
    with ProgressBar(quiet) as watch:
        result = match_synth(
            sound.samples,
            sound.sr,
            synth,
            played=None if notes is None else read_midi(notes),
            target=target,
            optimizer=optimizer,
            seed=seed,
            frozen=freeze or (),
            budget=budget,
            seconds=seconds,
            folder=folder,
            fresh=fresh,
            executor=executor,
            watch=watch,
            report=False,
        )
    inputs = [reference] if notes is None else [reference, notes]
    written = ["preset.json", "notes.mid", "fit.flac", "metrics.json"]
    end(result, folder, inputs, result.notes, written, report, quiet, as_json, {"played": result.table_of_notes()})
