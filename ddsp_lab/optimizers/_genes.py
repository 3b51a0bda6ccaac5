"""What a gene may do, by its kind: numbers go by any step, whole numbers by whole ones, categories to any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from .._space import Layout

Points: TypeAlias = Float[np.ndarray, "k n"]


@dataclass(frozen=True)
class Genes:
    """The kinds of the coordinates of a point: `levels` values each (0 where it is continuous), `categorical` those
    whose values have no order. `random` is a generator of numpy's, of either kind."""

    levels: np.ndarray
    categorical: np.ndarray

    @staticmethod
    def of(layout: Layout) -> Genes:
        return Genes(layout.levels, layout.categorical)

    def settled(self, us: Points) -> Points:
        """Discrete coordinates in the middles of their cells, so that points that are one chain are equal."""
        return self._at(us, self._cells(us))

    def crossed(self, random: Any, one: Points, other: Points, between: Points) -> Points:
        """`between`, but of categories, which have no between, either parent's."""
        either = np.where(random.uniform(size=one.shape) < 0.5, one, other)
        return self.settled(np.where(self.categorical, either, between))

    def mutated(self, random: Any, us: Points, hit: np.ndarray, moved: Points) -> Points:
        """`moved` where `hit`: whole numbers by one at least, back from an end; categories evenly to any other."""
        cells, levels, drawn = self._cells(us), np.maximum(self.levels, 1), random.uniform(size=us.shape)
        steps = np.maximum(np.rint(np.abs(moved - us) * levels), 1.0)
        steps = np.where(moved < us, -steps, steps)
        stepped = np.where((cells + steps < 0) | (cells + steps >= levels), cells - steps, cells + steps)
        others = (cells + 1 + np.floor(drawn * (levels - 1))) % levels
        cells = np.clip(np.where(self.categorical, others, stepped), 0, levels - 1)
        return np.where(hit, self._at(moved, cells), us)

    def _cells(self, us: Points) -> Points:
        return np.clip(np.floor(us * self.levels), 0.0, np.maximum(self.levels - 1, 0))

    def _at(self, us: Points, cells: Points) -> Points:
        return np.where(self.levels, (cells + 0.5) / np.maximum(self.levels, 1), us)
