"""A chain drawn as a picture of what flows where, with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._block import Block
from .._mid_side import MidSide
from .._one_of import OneOf
from .._parallel import WEIGHTS, Parallel
from .._series import Series
from ._charts import number
from ._html import Markup, el

GAP, ROOM = 30, 16  # between links side by side, and one above the other
HEIGHT, WIDE = 46, 7.6  # of a link, and of a letter in it
FAN_IN, FAN_OUT = 76, 72  # where branches part and meet
SHOWN = 3  # settings named in a frame's title
FAINT = 1e-3  # of the largest weight: a branch that is not heard


@dataclass(frozen=True)
class Piece:
    """A drawing whose signal enters and leaves at the height `mid`. A wire runs into an `open` one without a head."""

    width: float
    height: float
    mid: float
    drawn: Markup
    open: bool = False

    def at(self, x: float, mid: float) -> Markup:
        return el("g", self.drawn, transform=f"translate({x:.1f} {mid - self.mid:.1f})")


def flow(chain: Block, values: Mapping[str, Any], given: str, made: str = "fit") -> Markup:
    """The chain at its values, from what it is `given` to what is `made`, as an SVG element."""
    piece = _row([_terminal(given), _drawn(chain.label or chain.name, chain, values), _terminal(made)])
    width, height = piece.width + 4, piece.height + 8
    arrow = el("path", d="M0 0L7 3.5L0 7Z", class_="head")
    return el(
        "svg",
        el("defs", el("marker", arrow, id="arrow", markerWidth=7, markerHeight=7, refX=7, refY=3.5, orient="auto")),
        piece.at(2, piece.mid + 4),
        class_="flow",
        role="img",
        aria_label=f"Signal flow of {chain}",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
    )


def _drawn(label: str, block: Block, values: Mapping[str, Any], faded: bool = False) -> Piece:
    inner = {k: _drawn(k, b, values.get(k, {}), faded or k in block.asleep) for k, b in block.children.items()}
    if isinstance(block, Series):
        return _row(list(inner.values()))
    if isinstance(block, Parallel):
        weights = {k: float(np.mean(v)) for k, v in values[WEIGHTS].items()}
        return _fan(inner, {k: number(w, 3) for k, w in weights.items()}, weights, "+")
    if isinstance(block, OneOf | MidSide):
        said = {q.text(float(values[q.name])) for q in block.params} or set(inner)
        fan = _fan(inner, {k: k for k in inner}, {k: float(k in said) for k in inner}, "")
        return _frame(block.name, fan)
    if inner:
        title = ", ".join(f"{q.name} {_text(q, values[q.name])}" for q in block.params[:SHOWN])
        named = title.startswith(label) or not title
        return _frame((title or label) if named else f"{label}: {title}", next(iter(inner.values())))
    return _link(label, block, values, faded)


def _text(q: Any, value: Any) -> str:
    flat = np.ravel(value)
    said = q.text(float(flat[0])) if q.choices else number(float(flat[0]), 3)
    return f"{said}{'…' if flat.size > 1 else ''} {q.unit}".strip()


def _link(label: str, block: Block, values: Mapping[str, Any], faded: bool) -> Piece:
    same = label == block.name
    width = max(78.0, WIDE * max(len(label), 0 if same else len(block.name)) + 26)
    kind = "synth" if block.takes == "notes" else block.family
    said = "\n".join(f"{q.name} {_text(q, values[q.name])}" for q in block.params if q.name in values)
    middle = {"x": width / 2, "text_anchor": "middle"}
    drawn = el(
        "g",
        el("title", f"{label}\n{said}"),
        el("rect", width=width, height=HEIGHT, rx=7),
        el("text", label, y=HEIGHT / 2 + (4 if same else -3), **middle),
        None if same else el("text", block.name, y=HEIGHT / 2 + 13, class_="kind", **middle),
        class_=f"link {kind}{' faded' if faded else ''}",
    )
    return Piece(width, HEIGHT, HEIGHT / 2, drawn)


def _terminal(said: str) -> Piece:
    width = WIDE * len(said) + 8
    return Piece(width, 20, 10, el("text", said, x=width / 2, y=14, text_anchor="middle", class_="terminal"))


def _row(pieces: Sequence[Piece]) -> Piece:
    above, below = max(p.mid for p in pieces), max(p.height - p.mid for p in pieces)
    drawn, x = [], 0.0
    for i, piece in enumerate(pieces):
        if i:
            drawn.append(_wire(f"M{x - GAP:.1f} {above:.1f}H{x - (0 if piece.open else 1):.1f}", head=not piece.open))
        drawn.append(piece.at(x, above))
        x += piece.width + GAP
    return Piece(x - GAP, above + below, above, Markup("".join(drawn)), pieces[0].open)


def _fan(inner: Mapping[str, Piece], said: Mapping[str, str], weights: Mapping[str, float], joint: str) -> Piece:
    """Branches that part on the left, where their weights stand, and meet on the right."""
    most = max(abs(w) for w in weights.values()) or 1.0
    widest = max(piece.width for piece in inner.values())
    height = sum(piece.height for piece in inner.values()) + ROOM * (len(inner) - 1)
    mid, width, y = height / 2, FAN_IN + widest + FAN_OUT, 0.0
    drawn = []
    for name, piece in inner.items():
        port, weight = y + piece.mid, weights[name]
        kind = " turned" if weight < 0 else " unheard" if abs(weight) < FAINT * most else ""
        thick = f"{1.0 + 2.5 * abs(weight) / most:.2f}"
        bend = f"M0 {mid:.1f}C{FAN_IN / 3:.1f} {mid:.1f} {FAN_IN / 6:.1f} {port:.1f} {FAN_IN / 2:.1f} {port:.1f}"
        drawn.append(_wire(f"{bend}H{FAN_IN - 1}", kind, thick, head=True))
        right, meet, end = FAN_IN + piece.width, FAN_IN + widest + 8, width - (22 if joint else 0)
        half = 0.5 * (meet + end)
        path = f"M{right:.1f} {port:.1f}H{meet:.1f}C{half:.1f} {port:.1f} {half:.1f} {mid:.1f} {end:.1f} {mid:.1f}"
        drawn.append(_wire(path, kind, thick))
        drawn.append(el("text", said[name], x=FAN_IN - 12, y=port - 6, text_anchor="end", class_="weight"))
        drawn.append(piece.at(FAN_IN, port))
        y += piece.height + ROOM
    if joint:
        drawn.append(el("circle", cx=width - 12, cy=mid, r=11, class_="joint"))
        drawn.append(el("text", joint, x=width - 12, y=mid + 5, text_anchor="middle", class_="terminal"))
    return Piece(width, height, mid, Markup("".join(drawn)), open=True)


def _frame(title: str, inner: Piece) -> Piece:
    width, side, top = max(inner.width + 56, WIDE * len(title) * 0.85 + 20), 14, 26
    mid, left = top + inner.mid, (width - inner.width) / 2
    drawn = [
        el("rect", width=width, height=inner.height + top + 10, rx=9, class_="frame"),
        el("text", title, x=side, y=17, class_="kind"),
        _wire(f"M0 {mid:.1f}H{left - (0 if inner.open else 1):.1f}", head=not inner.open),
        _wire(f"M{left + inner.width:.1f} {mid:.1f}H{width:.1f}"),
        inner.at(left, mid),
    ]
    return Piece(width, inner.height + top + 10, mid, Markup("".join(drawn)), open=True)


def _wire(path: str, kind: str = "", thick: str | None = None, head: bool = False) -> Markup:
    return el("path", d=path, class_=f"wire{kind}", stroke_width=thick, marker_end="url(#arrow)" if head else None)
