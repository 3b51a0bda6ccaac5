"""`ddsp-lab report`: the page on which a finished run is listened to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..report import write_report
from ._shell import Json, out, show_json, verb


@verb
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of finished runs.")],
    as_json: Json = False,
) -> None:
    """Write report.html into the folders of finished runs: one page each, to listen to without a network."""
    pages = [str(write_report(folder)) for folder in folders]
    if as_json:
        show_json({"reports": pages})
        return
    for page in pages:
        out.print(page, markup=False, soft_wrap=True)
