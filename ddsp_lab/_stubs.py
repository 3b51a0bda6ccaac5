"""Stubs of the families, so that a type checker sees the members that discovery finds.

`python -m ddsp_lab._stubs` writes an `__init__.pyi` beside each family's `__init__.py`; run it after adding a member.
"""

from collections.abc import Iterator
from inspect import isfunction
from pathlib import Path
from types import ModuleType

from . import damages, effects, hosts, optimizers, synths, targets
from ._registry import discover

FAMILIES = (damages, effects, hosts, optimizers, synths, targets)
HEAD = "# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.\n"


def stub(family: ModuleType) -> str:
    """The text of a family's stub; empty where the family has no members."""
    members = discover(family.__name__, family.__path__).values()
    functions = (f for f in vars(family).values() if isfunction(f) and f.__module__.startswith(f"{family.__name__}."))
    modules = sorted((m.__module__.removeprefix(family.__name__), m.__name__) for m in (*functions, *members))
    lines = [f"from {module} import {name} as {name}\n" for module, name in modules]
    return HEAD + "".join(lines) if lines else ""


def stubs() -> Iterator[tuple[Path, str]]:
    """Every family's stub file and what it should hold."""
    for family in FAMILIES:
        yield Path(family.__path__[0]) / "__init__.pyi", stub(family)


if __name__ == "__main__":
    for path, text in stubs():
        if text:
            path.write_text(text, encoding="utf-8")
        else:
            path.unlink(missing_ok=True)
