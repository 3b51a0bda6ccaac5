"""What every verb shares: errors as text or JSON with an exit code, and the way results are shown."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .._errors import DdspLabError

REFUSED, PARTLY, INTERRUPTED = 2, 3, 130

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse what would otherwise be resolved and reported.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def verb(run: Callable[..., None]) -> Callable[..., None]:
    """A command whose errors end the program with a code and a remedy, and no traceback."""

    @functools.wraps(run)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            run(*args, **kwargs)
        except DdspLabError as error:
            if kwargs.get("as_json"):
                show_json({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}})
            err.print(f"[bold red]error[/] {error.code}: ", end="")
            err.print(f"{error.message} {error.remedy}", markup=False, soft_wrap=True)
            raise typer.Exit(INTERRUPTED if error.code == "fit-interrupted" else REFUSED) from None
        except KeyboardInterrupt:
            err.print("stopped")
            raise typer.Exit(INTERRUPTED) from None

    return wrapped


def show_json(data: Any) -> None:
    """One JSON document on stdout, in ASCII: any terminal and any file name will do."""
    typer.echo(json.dumps(data, indent=2, allow_nan=False))


def show_table(rows: Iterable[Sequence[Any]], *header: str, title: str = "") -> None:
    """Rows under a header on stdout."""
    table = Table(*header, title=title or None, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(text(cell) for cell in row))
    out.print(table)


def show_notes(notes: Iterable[tuple[str, str]]) -> None:
    """What was resolved on the way, on stderr."""
    for code, note in notes:
        err.print(f"note {code}: {note}", markup=False, soft_wrap=True)


def notes_json(notes: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"code": code, "text": note} for code, note in notes]


def text(value: Any) -> str:
    """A figure as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def two_values(arguments: Sequence[str], option: str) -> list[str]:
    """`--pair A B` as `--pair A --pair B`: an option here takes one value, however often it is given."""
    given, result = list(arguments), []
    while given:
        word = given.pop(0)
        result.append(word)
        if word == option and len(given) >= 2 and not given[1].startswith("-"):
            result += [given.pop(0), option, given.pop(0)]
    return result
