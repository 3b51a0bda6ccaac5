"""The command line, `ddsp-lab`: one file a verb. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys

import typer

from .._process import tune_process
from . import blocks, check, demo, fit, match, optimizers, plugins, render, report, targets, transfer
from ._shell import INTERRUPTED, two_values

app = typer.Typer(
    name="ddsp-lab",
    help="Any sound in, an editable and portable preset out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (demo, blocks, targets, optimizers, check, fit, match, transfer, report, render):
    app.command()(getattr(verb, verb.__name__.rsplit(".", 1)[1]))
app.add_typer(plugins.app, name="plugins")


def main() -> None:
    """Run the program: exit code 0, 2 for a usage or input error, 130 when stopped from the keyboard."""
    tune_process()
    try:
        app(two_values(sys.argv[1:], "--pair"))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
