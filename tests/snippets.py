"""The code in the pages of the documentation: found, run as a reader would, and read where it is not run."""

import ast
import re
import shlex
import sys
import types
from typing import NamedTuple

import typer
from helpers import ROOT, cli

import ddsp_lab as dl
from ddsp_lab._parse import parse_optimizer, parse_target
from ddsp_lab.cli import app
from ddsp_lab.cli._shell import two_values

PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r'^```(\w*)(?: title="(.+?)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LEFT_OUT = "# not run by the tests: "  # the first line of what is not, and why
PROGRAMS = ("ddsp-lab ", "python3 lab.py ")
TOOLS = ("test", "docs")  # no verbs of the first, but the second's own


class Snippet(NamedTuple):
    """A block of code on a page; `file` is where it says that it belongs."""

    language: str
    file: str
    code: str

    @property
    def is_run(self):
        return not self.code.startswith(LEFT_OUT)

    @property
    def commands(self):
        """The arguments of each command of ours."""
        lines = self.code.replace("\\\n", " ").splitlines()
        ours = [line.removeprefix(p) for line in lines for p in PROGRAMS if line.startswith(p)]
        return [shlex.split(line, comments=True) for line in ours]


def snippets(page):
    return [Snippet(*found) for found in FENCE.findall(page.read_text())]


def run(page, patch):
    """Everything on a page that is to be run, in the folder that one is in, in one namespace."""
    names = {"__name__": "__main__"}
    for snippet in snippets(page):
        if snippet.language == "python" and snippet.is_run and snippet.file:
            file_away(snippet, patch)
        elif snippet.language == "python" and snippet.is_run:
            exec(compile(snippet.code, page.name, "exec"), names)
        elif snippet.language == "sh" and snippet.is_run:
            assert snippet.commands, f"{page.name}: nothing of ours in {snippet.code!r}"
            for command in snippet.commands:
                if command != ["demo"]:  # which CI runs before all tests
                    done = cli(*command)
                    assert done.exit_code == 0, f"{page.name}: {command}: {done.output}"


def file_away(snippet, patch):
    """A module of the library that a page tells to write, for as long as its test."""
    name = snippet.file.removesuffix(".py").replace("/", ".")
    for kind in (dl.Block, dl.Target, dl.Optimizer):
        patch.setattr(kind, "registry", dict(kind.registry))
    module = types.ModuleType(name)
    patch.setitem(sys.modules, name, module)
    module.__package__ = name.rpartition(".")[0]
    exec(compile(snippet.code, snippet.file, "exec"), vars(module))


def read(snippet):
    """Raises where what is not run could not be: a syntax error, an option or a name that is not there."""
    if snippet.language == "python":
        ast.parse(snippet.code)
    for command in snippet.commands:
        if command[0] not in TOOLS:
            parsed(two_values(command, "--pair"))


def parsed(arguments):
    at, context = typer.main.get_command(app), None
    while hasattr(at, "commands") and arguments and arguments[0] in at.commands:
        at, (name, *arguments) = at.commands[arguments[0]], arguments
        context = typer.Context(at, info_name=name, parent=context)
    given = at.make_context(at.name, list(arguments), parent=context).params
    for option, reads in (("chain", dl.parse), ("target", parse_target), ("optimizer", parse_optimizer)):
        text = given.get(option)
        if text and "plugin(" not in text and "…" not in text:
            reads(text)
