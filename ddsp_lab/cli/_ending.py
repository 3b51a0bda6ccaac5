"""How a search ends: its origin kept, its page written, its figures on the terminal."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from .._result import FitResult
from .._saved import amend
from ..report import headline, plain, write_report
from ._shell import notes_json, out, show_json, show_notes, show_table, text

SHOWN = 12  # rows of a table; the files hold all
PROGRAM = "ddsp-lab"


def end(
    result: FitResult,
    folder: Path,
    files: Iterable[Path],
    notes: Sequence[tuple[str, str]],
    written: Sequence[str],
    report: bool,
    quiet: bool,
    as_json: bool,
    more: dict[str, Any] | None = None,
) -> None:
    """Keep the command and the checksums of the `files` that went in, write the page unless it is not wanted, and show
    the result: as JSON with whatever `more` holds, or as tables."""
    keep_origin(folder, files, notes)
    page = write_report(folder) if report else None
    if as_json:
        shown = {**result.metrics, **({"report": str(page)} if page else {}), **(more or {})}
        show_json({**shown, "notes": notes_json(notes)})
        return
    show_notes(() if quiet else notes)
    _show_settings(result)
    _show_notes_played(result)
    _show_figures(result, [("files", f"{folder}: {', '.join(written)}"), *([("listen", str(page))] if page else [])])


def keep_origin(folder: Path, files: Iterable[Path], notes: Sequence[tuple[str, str]]) -> None:
    """The command, the checksums of the `files` that went in, and what was resolved, kept in `report.json`."""
    amend(
        folder,
        command=shlex.join([PROGRAM, *sys.argv[1:]]),
        files={str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        notes=[list(note) for note in notes],
    )


def _show_settings(result: FitResult) -> None:
    rows = result.table()
    show_table(rows[:SHOWN], "setting", "value", "range")
    if len(rows) > SHOWN:
        out.print(f"and {len(rows) - SHOWN} more settings, in preset.json")


def _show_notes_played(result: FitResult) -> None:
    rows = getattr(result, "table_of_notes", list)()
    if rows:
        out.print()
        show_table([row.values() for row in rows[:SHOWN]], *(name.replace("_", " ") for name in rows[0]))
    if len(rows) > SHOWN:
        out.print(f"and {len(rows) - SHOWN} more notes, in notes.mid")


def _show_figures(result: FitResult, places: Iterable[tuple[str, str]]) -> None:
    """A dozen lines that say how good it is and where it lies."""
    m = result.metrics
    rows = [(plain(f.name).lower(), plain(f.value), plain(f.meaning)) for f in headline(result)]
    if all(name != "loss" for name, *_ in rows):
        rows.append(("loss", text(m["loss"]), f"{text(m['loss_start'])} at the start"))
    rows.append(("compiling", f"{m['compile_seconds']:.1f} s", "of the time"))
    for name, said in (("at_bound", "at their bounds: they may want more room"), ("insensitive", "hardly matter")):
        if m[name]:
            rows.append((name.replace("_", " "), str(len(m[name])), f"{said}: {_some(m[name])}"))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    for row in rows:
        table.add_row(*row)
    out.print()
    out.print(table)
    for name, place in places:
        out.print(f"{name:10} {place}", markup=False, soft_wrap=True)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
