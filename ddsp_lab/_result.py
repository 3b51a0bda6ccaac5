"""What comes of a fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._block import Values, leaves
from ._preset import Preset

Curve = tuple[tuple[int, float], ...]  # (evaluations, value)

MANY = 32  # numbers of one parameter, from which on they are not told one by one


@dataclass(frozen=True)
class Candidate:
    """One of several answers to listen to: `(channels, samples)`, and the figures that tell it from the others."""

    name: str
    sound: np.ndarray
    figures: Mapping[str, float]


@dataclass(frozen=True)
class FitResult:
    """A preset, how good it is, and how it was found. In a notebook it shows itself, with its sounds.

    `metrics` are the figures of `metrics.json`, `history` (evaluations, best loss so far), `notes` (code, text) what
    was resolved on the way, `sounds` the first pair as it was fitted and the fit, `(channels, samples)` at `sr` Hz.
    `front` are the presets that a search with several objectives found none better than in all of them, each with its
    objectives by name, the one of least loss first; `candidates` some of them as sounds. `terms` is the history of each
    part of a loss with several, as it counts there; `sensitivity` by how much the loss changes, at most, when a
    parameter is nudged by a twentieth of its range.
    """

    preset: Preset
    metrics: Mapping[str, Any]
    history: Curve
    notes: tuple[tuple[str, str], ...]
    sounds: Mapping[str, np.ndarray] = field(repr=False)
    sr: int
    front: tuple[tuple[Preset, Mapping[str, float]], ...] = field(default=(), repr=False)
    terms: Mapping[str, Curve] = field(default_factory=dict, repr=False)
    sensitivity: Mapping[str, float] = field(default_factory=dict, repr=False)
    candidates: tuple[Candidate, ...] = field(default=(), repr=False)

    @staticmethod
    def load(folder: str | os.PathLike[str]) -> FitResult:
        """The result of a finished run, read from its folder; raises `RunError`."""
        from ._saved import saved

        return saved(folder)

    @property
    def values(self) -> Values:
        """The fitted values by link and parameter, in physical units."""
        return self.preset.values

    def render(self, x: Any, sr: int) -> Any:
        """Audio through the fitted chain."""
        return self.preset.render(x, sr)

    def _repr_html_(self) -> str:
        from .report import notebook

        return notebook(self)

    def table(self) -> list[tuple[str, str, str]]:
        """Every parameter: its path, its value with the unit, its range; parameters at a bound carry a star."""
        rows, stuck = [], {name.split("[")[0] for name in self.metrics.get("at_bound", ())}
        flat = self.preset.flat
        for path, param, _ in leaves(self.preset.block):
            numbers = np.ravel(flat[path])
            if param.data or numbers.size > MANY:
                value = f"{numbers.size} numbers, {param.text(numbers.min())} to {param.text(numbers.max())}"
            else:
                value = " ".join(param.text(v) for v in numbers)
            star = " *" if path in stuck else ""
            rows.append((path, f"{value} {param.unit}".strip() + star, param.range_text))
        return rows
