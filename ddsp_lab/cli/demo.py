"""`ddsp-lab demo`: a fit whose answer is known."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import audio
from .._fit import fit
from .._preset import Preset
from .._render import render
from .._run import FIT, PRESET, REPORT
from .._score import esr, rounded
from ._progress import ProgressBar
from ._shell import Json, out, show_json, show_table, verb

HERE = Path(__file__).resolve().parent.parent
RIFFS = {"dry": "riff_dry.flac", "reference": "riff_wet.flac"}
SHIPPED = next(p for p in (HERE / "_audio", HERE.parent / "examples" / "audio") if p.is_dir())  # wheel or checkout


@verb
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The run folder.")] = Path(
        "ddsp-lab-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1)] = 0,
    as_json: Json = False,
) -> None:
    """Fit a chain to a riff that went through hidden settings, and compare what is found with them."""
    dry, wet = (audio.load(SHIPPED / name) for name in RIFFS.values())
    truth = Preset.load(SHIPPED / "riff_truth.json")
    before = esr(wet.samples, render(truth.block, {}, dry.samples, dry.sr))
    with ProgressBar() as watch:
        result = fit(truth.block, dry.samples, wet.samples, dry.sr, seed=seed, folder=output, fresh=True, watch=watch)
    m = result.metrics
    files = {
        **{kind: str(shutil.copyfile(SHIPPED / name, output / f"{kind}.flac")) for kind, name in RIFFS.items()},
        "fit": str(output / FIT),
        "preset": str(output / PRESET),
        "report": str(output / REPORT),
    }
    if as_json:
        show_json(
            {
                **m,
                "esr_start": rounded({"": before})[""],
                "found": result.values,
                "hidden": truth.values,
                "files": files,
            }
        )
        return
    out.print(f"{truth.chain}: {dry.seconds:.1f} s of a plucked riff, settings unknown\n")
    show_table(
        [
            ("error to signal (ESR)", before, m["esr_aligned"]),
            ("the same where it was not fitted", None, m["held_out"]),
            ("loudness, LUFS", audio.loudness(dry.samples, dry.sr), m["lufs_fit"]),
        ],
        "",
        "before",
        "after",
    )
    out.print()
    found, hidden = result.preset.flat, truth.flat
    rows = [(path, _row(found[path]), _row(hidden[path])) for path in hidden]
    show_table(rows, "setting", "found", "hidden")
    out.print(
        f"\n{m['evaluations']} evaluations in {m['seconds']:.1f} s, {m['compile_seconds']:.1f} s of them compiling"
    )
    show_table(files.items(), "file", "")


def _row(value: object) -> str:
    return "  ".join(f"{v:.4g}" for v in np.ravel(np.asarray(value)))
