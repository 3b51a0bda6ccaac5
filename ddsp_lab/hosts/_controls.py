"""The controls of a plugin as parameters: what each says at positions in [0, 1], and in which unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from .._param import Param

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
UNITS = {"db": "dB", "hz": "Hz", "khz": "kHz", "ms": "ms", "s": "s", "sec": "s", "%": "%"}
RATIOS, WIDE = ("Hz", "kHz", "ms", "s"), 100.0  # in these units, and over so wide a range, people think in ratios


class Control(msgspec.Struct, frozen=True):
    """One control: the values that it shows, rising, and the positions at which it does."""

    param: str
    unit: str
    default: float  # a position
    values: tuple[float, ...]
    positions: tuple[float, ...]
    choices: tuple[str, ...] = ()  # the texts it shows, where it is a switch; its values then count them

    @property
    def as_param(self) -> Param:
        nearest = self.values[int(np.argmin(np.abs(np.asarray(self.positions) - self.default)))]
        if self.choices:
            return Param.choice(self.param, self.choices, int(nearest))
        order = np.argsort(self.positions)
        default = float(np.interp(self.default, np.take(self.positions, order), np.take(self.values, order)))
        low, high = self.values[0], self.values[-1]
        ratios = self.unit in RATIOS and low > 0.0 and high >= WIDE * low
        return Param(self.param, low, high, default, self.unit, "log" if ratios else "linear")

    def position(self, value: float) -> float:
        """Where it stands when it shows a value."""
        return float(np.interp(value, self.values, self.positions))


def controls(described: Iterable[dict[str, Any]]) -> tuple[Control, ...]:
    """What a worker tells of the controls, under names in the manner of this library."""
    found: list[Control] = []
    for d in described:
        unit = UNITS.get(d["label"].strip().lower(), "")
        name, texts = _name(d["name"], unit, {c.param for c in found}), [text.strip() for text in d["text"]]
        shown = _numbers(texts)
        if d["few"] and len(set(texts)) == len(texts):
            counted = tuple(map(float, range(len(texts))))
            found.append(Control(name, "", d["default"], counted, tuple(d["raw"]), tuple(map(_short, texts))))
        elif shown is not None:
            values, first = np.unique(shown, return_index=True)
            positions = tuple(d["raw"][i] for i in first)
            found.append(Control(name, unit, d["default"], tuple(values.tolist()), positions))
        else:  # no number that rises or falls can be read from it: its position is its value
            found.append(Control(name, "", d["default"], (0.0, 1.0), (0.0, 1.0)))
    return tuple(found)


def _short(text: str) -> str:
    """A number without the zeros that mean nothing."""
    return f"{float(text):g}" if NUMBER.fullmatch(text) else text


def _numbers(texts: Sequence[str]) -> np.ndarray | None:
    """The numbers that texts begin with, if they only rise or only fall."""
    matches = [NUMBER.match(text) for text in texts]
    if not all(matches):
        return None
    shown = np.array([float(m[0]) for m in matches if m])
    steps = np.diff(shown)
    return shown if shown[0] != shown[-1] and ((steps >= 0.0).all() or (steps <= 0.0).all()) else None


def _name(said: str, unit: str, taken: set[str]) -> str:
    """`Boost/Cut 1` in dB -> `boost_cut_1_db`."""
    words = re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_") or "control"
    suffix = {"": "", "%": "_percent"}.get(unit, f"_{unit.lower()}")
    name = words if words.endswith(suffix) else words + suffix
    name = f"p{name}" if name[0].isdigit() else name
    return name if name not in taken else next(n for i in range(2, 10_000) if (n := f"{name}_{i}") not in taken)
