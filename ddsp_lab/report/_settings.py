"""The table of settings: value, where it stands in its range, and how much it matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from .._block import leaves
from .._param import Param
from .._result import MANY, FitResult
from ._charts import UNITS, Line, linear, number, points, stretched
from ._html import Markup, el

COLUMNS = ("Setting", "Value", "Range", "", "Loss if nudged", "")
DECADES = 4  # of changes of the loss that the bars run over


class Setting(NamedTuple):
    """One number, or a row of very many."""

    path: str
    name: str
    param: Param
    value: np.ndarray


def settings(result: FitResult, config: Mapping[str, Any]) -> Markup:
    """Every parameter of the chain, by link."""
    ties = {str(a): str(b) for a, b in dict(config.get("ties") or {}).items()}
    groups = groupby(_settings(result), key=lambda s: s.path.rpartition(".")[0])
    head = el("tr", [el("th", said, scope="col", class_="n" if said == "Value" else None) for said in COLUMNS])
    bodies = []
    for link, rows in groups:
        title = el("tr", el("th", link, scope="rowgroup", colspan=6), class_="group") if link else None
        bodies.append(el("tbody", title, [_row(s, result, ties) for s in rows]))
    said = "Where each setting stands between its bounds, and how the loss grows if nudged by a twentieth of its range."
    table = el("table", el("thead", head), bodies, class_="settings", aria_label="Settings")
    return el(
        "div",
        el("p", said, class_="faint"),
        el("div", table, class_="wide", tabindex=0, role="region", aria_label="Settings"),
    )


def _settings(result: FitResult) -> Iterator[Setting]:
    flat = result.preset.flat
    for path, param, _ in leaves(result.preset.block):
        value = np.asarray(flat[path], float)
        if value.ndim and value.size <= MANY:
            yield from (Setting(path, f"{path}[{i}]", param, v) for i, v in enumerate(value))
        else:
            yield Setting(path, path, param, value)


def _row(s: Setting, result: FitResult, ties: Mapping[str, str]) -> Markup:
    m, q = result.metrics, s.param
    most = max((v for v in result.sensitivity.values() if np.isfinite(v)), default=0.0)
    change = result.sensitivity.get(s.name, result.sensitivity.get(s.path))
    remarks = []
    if s.name in m.get("at_bound", ()):
        remarks.append(el("span", "at its bound", class_="warn"))
    if s.name in m.get("insensitive", ()) or s.path in m.get("insensitive", ()):
        remarks.append(el("span", "hardly matters", class_="faint"))
    if s.path in ties:
        remarks.append(el("span", f"copies {ties[s.path]}"))
    elif change is None and result.sensitivity:
        remarks.append(el("span", "kept", class_="faint"))
    many = s.value.ndim > 0
    value = f"{s.value.size} numbers" if many else f"{q.text(float(s.value))} {q.unit}".strip().replace("-", "−")
    return el(
        "tr",
        el("th", s.name.rpartition(".")[2], scope="row"),
        el("td", value, class_="n"),
        el("td", _row_of_many(s) if many else _range(q, float(s.value))),
        el("td", q.range_text.replace("-", "−"), class_="faint range"),
        el("td", None if change is None else _matters(change, most)),
        el("td", [(", " if i else "", remark) for i, remark in enumerate(remarks)]),
    )


def _range(q: Param, value: float) -> Markup:
    at = float(np.clip(q.to_unit(value), 0.0, 1.0))
    zero = float(np.clip(q.to_unit(0.0), 0.0, 1.0)) if q.scale == "linear" and q.low < 0.0 < q.high else 0.0
    low, high = sorted((zero, at))
    return el(
        "svg",
        el("rect", x=0, y=5, width="100%", height=4, rx=2, class_="track"),
        el("rect", x=f"{100 * low:.1f}%", y=5, width=f"{100 * (high - low):.1f}%", height=4, rx=2, class_="filled"),
        el("circle", cx=f"{4 + 92 * at:.1f}%", cy=7, r=4, class_="knob"),
        class_="gauge",
        aria_hidden="true",
    )


def _row_of_many(s: Setting) -> Markup:
    values = np.ravel(s.value)
    line = Line(s.name, "loss", np.arange(values.size), values)
    drawn = el(
        "polyline",
        points=points(line, linear(0, values.size - 1), linear(s.param.low, s.param.high)),
        class_="line loss",
    )
    return el(
        "svg", stretched([drawn], UNITS), class_="gauge", role="img", aria_label=f"{values.size} values of {s.name}"
    )


def _matters(change: float, most: float) -> Markup:
    """The change of the loss in figures, and as a bar over four decades below the largest."""
    share = float(np.clip(1.0 + np.log10(max(change, 1e-30) / max(most, 1e-30)) / DECADES, 0.0, 1.0))
    bar = el("rect", y=5, width=f"{100 * share:.1f}%", height=4, rx=2, class_="filled")
    track = el("rect", y=5, width="100%", height=4, rx=2, class_="track")
    said = f"+{number(change, 2)}" if np.isfinite(change) else "no number"
    return el("span", el("svg", track, bar, class_="gauge short", aria_hidden="true"), " ", said, class_="matters")
