"""The options that every search has, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Target = Annotated[str | None, typer.Option("--target", help="The distance to minimise, such as 'esr'.")]
Way = Annotated[
    str | None, typer.Option("--optimizer", help="The search: auto, or such as 'adam(steps=500, starts=4)'.")
]
Budget = Annotated[int | None, typer.Option("-n", "--budget", min=1, help="Evaluations at most.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", help="Seconds of computing at most; again, and it goes on.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="The same seed gives the same preset.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="DIR", help="The run folder; runs/REF if left out.")
]
Freeze = Annotated[
    list[str] | None, typer.Option("--freeze", metavar="PATH", help="A link or parameter that stays as it is.")
]
Processes = Annotated[
    str | None, typer.Option("--executor", metavar="serial|local:N", help="Processes that compute generations.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin again in a folder that holds another fit.")]
Report = Annotated[
    bool,
    typer.Option(
        "--report/--no-report", help="Write report.html, the page to listen to it; ddsp-lab report can later."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Nothing on stderr but errors.")]
