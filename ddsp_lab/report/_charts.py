"""Curves as SVG that takes the width it is given: lines stretch, letters do not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._html import Markup, el

UNITS = 1000  # of a chart, each way
POINTS = 500  # of a line
RAISED, LOWERED = (str.maketrans(*pair) for pair in (("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"), ("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))


@dataclass(frozen=True)
class Axis:
    """What lies between the edges of a chart; ticks are values with their labels."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def share(self, value: np.ndarray | float) -> np.ndarray:
        """How far along the axis, 0 to 1; what lies beyond stays at its end."""
        ends = np.array([self.low, self.high])
        value = np.clip(np.asarray(value, float), *ends)
        (low, high), value = (np.log(ends), np.log(value)) if self.log else (ends, value)
        return (value - low) / (high - low)

    def inner(self, low: float = 0.01, high: float = 0.95) -> list[tuple[float, str]]:
        """The ticks that leave room at the edges, as shares."""
        shares = [(float(self.share(value)), label) for value, label in self.ticks if self.low < value < self.high]
        return [(share, label) for share, label in shares if low < share < high]


@dataclass(frozen=True)
class Line:
    """A curve; `kind` is the class by which it is drawn."""

    name: str
    kind: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    steps: bool = False


def chart(lines: Sequence[Line], x: Axis, y: Axis, label: str, kind: str = "", spots: Sequence[Markup] = ()) -> Markup:
    """Curves over a grid, and `spots` on it; `label` says in words what is to be seen."""
    grid = [el("line", x1=0, x2="100%", y1=percent(1 - at), y2=percent(1 - at)) for at, _ in y.inner()]
    grid += [el("line", x1=percent(at), x2=percent(at), y1=0, y2="100%") for at, _ in x.inner()]
    letters = [el("text", said, x=0, dx=4, y=percent(1 - at), dy=-3) for at, said in y.inner(0.1, 0.93)]
    letters += [el("text", said, x=percent(at), dx=4, y="100%", dy=-5) for at, said in x.inner()]
    drawn = [el("polyline", points=points(line, x, y), class_=f"line {line.kind}") for line in lines]
    return el(
        "svg",
        el("g", grid, class_="grid"),
        stretched(drawn),
        el("g", letters, class_="ticks", aria_hidden="true"),
        spots,
        class_=f"chart {kind}".strip(),
        role="group" if spots else "img",
        aria_label=label,
    )


def stretched(content: Sequence[Markup], height: int = UNITS) -> Markup:
    """A drawing `UNITS` wide that fills its place."""
    return el("svg", content, viewBox=f"0 0 {UNITS} {height}", preserveAspectRatio="none")


def points(line: Line, x: Axis, y: Axis) -> str:
    across, up = UNITS * x.share(np.asarray(line.x)), UNITS * (1.0 - y.share(np.asarray(line.y)))
    if line.steps:
        across, up = np.repeat(across, 2)[1:], np.repeat(up, 2)[:-1]
    some = (
        np.unique(np.linspace(0, len(across) - 1, POINTS).round().astype(int)) if len(across) > POINTS else slice(None)
    )
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across[some], up[some], strict=True))


def percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def linear(low: float, high: float, unit: str = "", count: int = 5) -> Axis:
    """An axis with round ticks."""
    span = max(high - low, 1e-9)
    step = 10.0 ** np.floor(np.log10(span / count))
    step *= next(m for m in (1, 2, 5, 10) if span / (m * step) <= count)
    at = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return Axis(low, low + span, tuple((float(v), number(v) + (f" {unit}" if unit else "")) for v in at))


def logarithmic(low: float, high: float, unit: str = "") -> Axis:
    """An axis with a tick a decade, fewer where there are many, more where there are few."""
    high = max(high, low * 1.1)
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    decades = decades[:: max(1, len(decades) // 5)]
    parts = (1, 2, 5) if high < 50.0 * low else (1, 3) if high < 1e3 * low else (1,)
    at = [part * 10.0**d for d in decades for part in parts]
    return Axis(low, high, tuple((v, number(v) + (f" {unit}" if unit else "")) for v in at), log=True)


def hertz(low: float, high: float) -> Axis:
    at = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
    return Axis(low, high, tuple((v, f"{v // 1000} kHz" if v >= 1000 else f"{v} Hz") for v in at), log=True)


def number(value: float, digits: int = 4) -> str:
    """A number as one writes it, with a real minus and powers of ten."""
    mantissa, e, power = f"{value:.{digits}g}".partition("e")
    if e:
        mantissa = ("" if mantissa == "1" else f"{mantissa}×") + "10" + str(int(power)).translate(RAISED)
    return ("0" if mantissa == "-0" else mantissa).replace("-", "−")


def plain(said: str) -> str:
    """The same in letters that every terminal has, and numbers that can be copied."""
    said = re.sub(
        "(?:([0-9.]+)×|(?<![0-9.]))10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"{m[1] or 1}e{m[2].translate(LOWERED)}", said
    )
    return said.replace("−", "-")


def signed(value: float) -> str:
    """A number of dB with its sign, to a tenth."""
    return f"{round(value, 1) + 0.0:+.1f} dB".replace("-", "−")
