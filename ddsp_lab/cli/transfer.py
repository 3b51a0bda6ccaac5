"""`ddsp-lab transfer`: what one recording plays, in the sound of another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import audio
from .._errors import AudioError
from .._run import TIMBRE
from .._timbre import Timbre
from .._transfer import transfer as transfer_timbre
from ..report import write_report
from ._ending import keep_origin
from ._options import Fresh, Quiet, Report
from ._shell import Json, Strict, notes_json, out, show_json, show_notes, show_table, verb

FIGURES = (
    *("f0_within_10_cents", "loudness_correlation", "spectrum_distance_db", "spectrum_distance_source_db"),
    *("shift_octaves", "confidence_source", "confidence_timbre", "lufs_source", "lufs_fit"),
)


class Decoder(StrEnum):
    network = "network"
    patch = "patch"


@verb
def transfer(
    source: Annotated[Path, typer.Argument(help="The line: one voice or instrument.")],
    timbre: Annotated[
        Path, typer.Option(metavar="REF", help="The sound: a recording, or the run folder of an earlier transfer.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT", help="A sound file, or the run folder; runs/SOURCE-REF if left out."
        ),
    ] = None,
    decoder: Annotated[Decoder, typer.Option(help="What learns the sound: a small network, or one patch.")] = (
        Decoder.network
    ),
    shift: Annotated[
        float | None, typer.Option(min=-4.0, max=4.0, help="Octaves to move the line by; what is near if left out.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="The same seed gives the same sound.")] = 0,
    fresh: Fresh = False,
    report: Report = True,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Play a recording's line with the sound of another; the folder keeps what was learned."""
    line, notes = audio.load(source), []
    if (timbre / TIMBRE).is_file():
        sound = Timbre.load(timbre)
    else:
        other = audio.load(timbre)
        sound = other.samples
        if other.sr != line.sr:
            said = f"{timbre} is at {other.sr} Hz, {source} at {line.sr} Hz"
            if strict:
                raise AudioError("audio-rate", f"{said}.", "Resample one of them, or leave out --strict.")
            notes.append(("audio-rate", f"{said}: it was resampled."))
            sound = audio.resample(sound, other.sr, line.sr)
    folder = output or Path("runs") / f"{source.stem}-{timbre.stem}"
    file = folder if folder.suffix.lower() in audio.FORMATS else None
    folder = folder.with_suffix("") if file else folder
    result = transfer_timbre(
        line.samples,
        sound,
        line.sr,
        decoder=decoder.value,
        shift=shift,
        seed=seed,
        folder=folder,
        fresh=fresh,
        report=False,
    )
    notes += result.notes
    if file and (turned := audio.save(file, result.sounds["fit"], line.sr, "rescale")):
        notes.append(("audio-clips", f"{file} was turned down by {-turned:.2f} dB."))
    keep_origin(folder, [source] if timbre.is_dir() else [source, timbre], notes)
    page = write_report(folder) if report else None
    if as_json:
        show_json(
            {**result.metrics, "output": str(file or folder), "report": page and str(page), "notes": notes_json(notes)}
        )
        return
    show_notes([] if quiet else notes)
    show_table([(name, result.metrics[name]) for name in FIGURES], "figure", "")
    written = ["fit.flac", "preset.json", *([TIMBRE] if result.timbre is not None else []), "metrics.json"]
    out.print(f"files      {folder}: {', '.join(written)}", markup=False, soft_wrap=True)
    for place in (file, page):
        if place:
            out.print(f"listen     {place}", markup=False, soft_wrap=True)
