"""`ddsp-lab match`: from a recording alone to a patch and its notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import audio
from .._match import match as match_synth
from .._midi import read_midi
from ._shell import Json, notes_json, out, show_json, show_table, text, verb
from .fit import ProgressBar, show_result


@verb
def match(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="The sound that is wanted.")],
    synth: Annotated[
        str, typer.Option(metavar="EXPR|auto", help="A chain that begins with synths, such as 'subtractive >> chorus'.")
    ] = "auto",
    notes: Annotated[
        Path | None, typer.Option(metavar="MID", help="What it plays, where that is known: a .mid file.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The distance to minimise.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="The search, such as 'cma_es'.")] = None,
    budget: Annotated[int | None, typer.Option("-n", "--budget", min=1, help="Evaluations at most.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Seconds of computing at most; again, and it goes on.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same patch.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="The run folder [default: runs/REF].")
    ] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A link or parameter that stays as it is.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="serial|local:N", help="Processes that compute generations.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again in a folder that holds another fit.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing on stderr but errors.")] = False,
    as_json: Json = False,
) -> None:
    """Find a patch that sounds like a recording: its notes are heard, and a synth is fitted."""
    sound = audio.load(reference)
    folder = output or Path("runs") / reference.stem
    with ProgressBar(budget, quiet) as watch:
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
        )
    if as_json:
        show_json({**result.metrics, "played": result.table_of_notes(), "notes": notes_json(result.notes)})
        return
    show_result(result, [] if quiet else list(result.notes))
    rows = [[text(v) for v in row.values()] for row in result.table_of_notes()[:SHOWN]]
    show_table(rows, "onset s", "duration s", "pitch", "velocity", "confidence")
    out.print(f"{folder}: preset.json, notes.mid, fit.flac, metrics.json", soft_wrap=True)


SHOWN = 12  # notes
