"""The page of a block, from what it declares and what it does when it is played."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from dataclasses import MISSING
from typing import Any, Literal

import msgspec
import numpy as np
from kept import Measured

from ddsp_lab import Block, Param
from ddsp_lab._registry import Registered, settings_of

REFERENCES = re.compile(r"\nReferences?: ")
FACTS = {  # what a block may declare, and what that means
    "linear": "linear: twice the input gives twice the output",
    "memoryless": "memoryless: each sample by itself",
    "couples_channels": "couples channels: what one does depends on the others",
    "inverts": "some of its values turn the polarity round",
    "echoes": "its loudest output may come later than its input",
    "sequential": "runs sample by sample, which is slow on a GPU",
    "is_source": "sounds without being given anything",
    "surrogate_gradient": "its gradient stands in for one that says nothing",
}


def block_page(cls: type[Block], measured: Measured | None, sounds: dict[str, str]) -> str:
    """Markdown. `sounds` are where the two sounds of what was measured lie, seen from the page; None leaves out what
    only playing it tells."""
    block = None if cls.needs_file else cls.example()
    parts = [f"# {cls.name}", f"*{summary(cls)}*", description(cls)]
    if measured is not None:
        parts += [_heard(measured, sounds), measured.figures]
    if block is not None and block.params:
        parts += ["## Parameters", _params(block)]
    if settings_of(cls):
        parts += ["## Settings", "They stand in brackets and change the program: no search moves them.", settings(cls)]
    parts += ["## What it is", _facts(cls, block, measured), references(cls)]
    return "\n\n".join(part for part in parts if part)


def summary(cls: type[Any]) -> str:
    """The first paragraph of the file that a member stands in."""
    return (sys.modules[cls.__module__].__doc__ or "").partition("\n\n")[0].replace("\n", " ").strip()


def description(cls: type[Any]) -> str:
    return REFERENCES.split(inspect.getdoc(cls) or "")[0].strip()


def references(cls: type[Any]) -> str:
    said = REFERENCES.split(inspect.getdoc(cls) or "", maxsplit=1)
    return f"## References\n\n{said[1].strip()}" if len(said) > 1 else ""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ("---",) * len(head), *rows])


def settings(cls: type[Registered]) -> str:
    """A table of what stands in brackets, "" where there is nothing."""
    hints = typing.get_type_hints(cls, include_extras=True)
    rows = [
        (f"`{f.name}`", "" if f.default is MISSING else f"`{_literal(f.default)}`", _allowed(hints[f.name]))
        for f in settings_of(cls)
    ]
    return table(("setting", "default", "allowed"), rows) if rows else ""


def _literal(value: Any) -> str:
    """As one writes it in the text of a chain."""
    return (
        str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, Registered) else repr(value)
    )


def _allowed(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        inner, *metas = typing.get_args(hint)
        limits = [m for m in metas if isinstance(m, msgspec.Meta)]
        bounds = {
            name: getattr(m, name) for m in limits for name in ("gt", "ge", "lt", "le") if getattr(m, name) is not None
        }
        words = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}
        return " ".join([_allowed(inner), *(f"{words[k]} {v:g}" for k, v in bounds.items())])
    if typing.get_origin(hint) is Literal:
        return ", ".join(f"`{_literal(v)}`" for v in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"a row of {_allowed(typing.get_args(hint)[0])}"
    names = {bool: "`true`, `false`", int: "a whole number", float: "a number", str: "a text", type(None): "nothing"}
    if hint in names:
        return names[hint]
    if several := typing.get_args(hint):
        return ", or ".join(_allowed(each) for each in several)
    return (
        f"a {hint.kind}"
        if isinstance(hint, type) and issubclass(hint, Registered)
        else str(getattr(hint, "__name__", hint))
    )


def _params(block: Block) -> str:
    head = ("parameter", "unit", "range", "default", "scale", "takes a curve")
    return table(head, [_param_row(q) for q in block.params])


def _param_row(q: Param) -> tuple[str, ...]:
    count = int(np.prod(q.shape))
    name = f"`{q.name}`" + (f" × {count}" if q.shape else "")
    if q.data:
        return name, q.unit, "", f"{count:,} numbers, moved by no search", "", ""
    ends = ", ".join(f"`{c}`" for c in q.choices) or f"{q.low:g} to {q.high:g}"
    values = np.unique(np.ravel(q.default))
    few = [q.text(v) for v in (values if values.size <= 6 else [values[0], values[-1]])]
    return name, q.unit, ends, (", " if values.size <= 6 else " to ").join(few), q.scale, "yes" if q.automatable else ""


def _facts(cls: type[Block], block: Block | None, measured: Measured | None) -> str:
    if block is None:
        return f"- a {cls.family.removesuffix('s')}; the rest depends on what it loads"
    said = [f"takes {block.takes}", *(text for name, text in FACTS.items() if getattr(block, name))]
    said.append("has gradients" if block.differentiable else "has no gradient: a search has to try")
    if not block.time_invariant and block.takes == "audio":
        said.append("moves by itself: the same input sounds different at another time")
    late = block.latency_samples(48_000)
    said.append(f"late by {late} samples at 48 kHz; a rendering takes that off" if late else "no latency")
    if measured is not None:
        said.append(f"{measured.ops:,.0f} operations a sample, counted in its program, `{measured.text}`")
    return "\n".join(f"- {line}" for line in said)


def _heard(measured: Measured, sounds: dict[str, str]) -> str:
    """Players, and by how much the sound was turned down to fit into a file."""
    rows = [
        f'<p class="heard"><span>{name}</span><audio controls preload="none" src="{at}"></audio></p>'
        for name, at in sounds.items()
    ]
    turned = f", turned down by {measured.turned_db:.1f} dB" if measured.turned_db > 0.05 else ""
    return f"Heard and drawn below: `{measured.text}`{turned}.\n\n" + "\n".join(rows)
