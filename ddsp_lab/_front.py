"""Points of which none is better than another in everything: ranks, crowding, and the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

KEPT = 100  # points of a front: more say nothing new


def ranks(objectives: Float[np.ndarray, "k m"]) -> Int[np.ndarray, " k"]:
    """0 for the points that no other is better than, 1 for those that only these are better than, and so on.

    Better is: nowhere worse and somewhere less. Rows of infinity rank last.
    """
    here, there = objectives[:, None], objectives[None]
    better = np.all(here <= there, axis=2) & np.any(here < there, axis=2)
    above, found = better.sum(axis=0), np.full(len(objectives), -1)
    for rank in range(len(objectives)):
        now = (above == 0) & (found < 0)
        found[now] = rank
        above = above - better[now].sum(axis=0)
    return found


def crowding(objectives: Float[np.ndarray, "k m"], ranked: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """How far the neighbours of each point stand apart within its rank, each objective's range counting as 1; infinite
    at the ends."""
    room = np.zeros(len(objectives))
    for rank in range(ranked.max(initial=-1) + 1):
        mine = np.flatnonzero(ranked == rank)
        for values in objectives.T:
            order = mine[np.argsort(values[mine], kind="stable")]
            row = values[order]
            room[order[[0, -1]]] = np.inf
            if np.isfinite(row).all() and row[-1] > row[0]:
                room[order[1:-1]] += (row[2:] - row[:-2]) / (row[-1] - row[0])
    return room


def best_first(objectives: Float[np.ndarray, "k m"]) -> Int[np.ndarray, " k"]:
    """The order by rank, within a rank by room."""
    ranked = ranks(objectives)
    return np.lexsort((-crowding(objectives, ranked), ranked))


@dataclass(frozen=True)
class Front:
    """What was evaluated and is nowhere dominated, least loss first; thinned out to a hundred where it is crowded."""

    names: tuple[str, ...] = ()
    us: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    losses: np.ndarray = field(default_factory=lambda: np.zeros(0))
    objectives: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def joined(
        self,
        names: tuple[str, ...],
        us: Float[np.ndarray, "k n"],
        losses: Float[np.ndarray, " k"],
        objectives: Float[np.ndarray, "k m"],
    ) -> Front:
        """The front of what it holds and of more points."""
        if len(self):
            us, losses = np.concatenate([self.us, us]), np.concatenate([self.losses, losses])
            objectives = np.concatenate([self.objectives, objectives])
        first = np.unique(objectives, axis=0, return_index=True)[1]
        kept = first[(ranks(objectives[first]) == 0) & np.isfinite(losses[first])]
        kept = kept[np.argsort(losses[kept], kind="stable")]
        while len(kept) > KEPT:
            room = crowding(objectives[kept], np.zeros(len(kept), int))
            kept = np.delete(kept, 1 + np.argmin(room[1:]))
        return Front(names, us[kept], losses[kept], objectives[kept])

    def __len__(self) -> int:
        return len(self.us)

    def __iter__(self) -> Iterator[tuple[np.ndarray, dict[str, float]]]:
        for u, row in zip(self.us, self.objectives, strict=True):
            yield u, dict(zip(self.names, row.tolist(), strict=True))
