"""`ddsp-lab match` of many recordings: a run folder each, and a code of its own where some of them failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from .. import audio
from .._errors import AudioError, DdspLabError, FitError
from .._match_many import match_many
from ._shell import PARTLY, REFUSED, err, out, show_json, show_table

ENDINGS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")


def recordings(given: Sequence[Path]) -> list[Path]:
    """The files, and those of folders in the order of their names."""
    found: list[Path] = []
    for path in given:
        inside = sorted(f for f in path.iterdir() if f.suffix.lower() in ENDINGS) if path.is_dir() else [path]
        if not inside:
            raise AudioError("audio-missing", f"{path} holds no recordings.", f"Files end in {', '.join(ENDINGS)}.")
        found += inside
    return found


def refuse_beside_many(**options: Any) -> None:
    """What a search of many recordings together does not take."""
    for name, value in options.items():
        if value is not None:
            raise FitError("bad-setting", f"--{name} is for one recording.", "Leave it out, or match one at a time.")


def show_many(files: Sequence[Path], folder: Path, as_json: bool, **how: Any) -> None:
    """Search all, write `folder/NAME` for each, and exit with 3 where some failed, with 2 where all did."""
    sounds: dict[Path, Any] = {}
    failed: dict[Path, DdspLabError] = {}
    for file in files:
        try:
            sounds[file] = audio.load(file)
        except DdspLabError as error:
            failed[file] = error
    names = [file.stem for file in files]
    folders = {f: folder / (f.stem if names.count(f.stem) == 1 else f.name) for f in files}
    results = match_many(
        [sound.samples for sound in sounds.values()],
        [sound.sr for sound in sounds.values()],
        folders=[folders[file] for file in sounds],
        **how,
    )
    matched = dict(zip(sounds, results, strict=True))
    failed |= {file: result for file, result in matched.items() if isinstance(result, DdspLabError)}
    done = {file: result for file, result in matched.items() if not isinstance(result, DdspLabError)}
    if as_json:
        shown = {f: {"folder": str(folders[f]), "chain": r.preset.chain, **r.metrics} for f, r in done.items()}
        show_json({str(f): shown.get(f) or _said(failed[f]) for f in files})
    else:
        rows = [[str(f), r.preset.chain, r.metrics["loss"], r.metrics["mrstft"]] for f, r in done.items()]
        show_table(rows, "recording", "chain", "loss", "mrstft")
        out.print(f"{len(done)} of {len(files)} matched, each in a folder in {folder}")
    for file, error in failed.items():
        err.print(f"{file}: {error.code}: {error.message} {error.remedy}", markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(PARTLY if done else REFUSED)


def _said(error: DdspLabError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
