"""A population that remembers where descents have been."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ._genes import Genes, Points
from ._groups import groups

ELITE = 3  # points about which others are drawn
STEP = (0.3, 0.9)  # of the difference between two points
REDRAWN = 0.3  # of a child's coordinates, on average; the more, the longer nothing came of it
APART = 0.05  # of a range, in some coordinate: a descent from nearer to where one began would be the same


@dataclass(frozen=True)
class Flock:
    """Points and their losses, best first; where descents began, and where they ended."""

    points: Points
    losses: Float[np.ndarray, " k"]
    begun: Points
    ended: Points

    @staticmethod
    def at(points: Points) -> Flock:
        """Of points whose losses are not known yet."""
        return Flock(points, np.full(len(points), np.inf), points[:0], points[:0])

    def joined(self, points: Points, losses: Float[np.ndarray, " m"]) -> Flock:
        """With other points, as many as before."""
        points, losses = np.concatenate([self.points, points]), np.concatenate([self.losses, losses])
        kept = np.argsort(losses, kind="stable")[: len(self.points)]
        return replace(self, points=points[kept], losses=losses[kept])

    def descended(self, begun: Points, ended: Points, losses: Float[np.ndarray, " m"]) -> Flock:
        """With what descents found."""
        known = replace(self, begun=np.concatenate([self.begun, begun]), ended=np.concatenate([self.ended, ended]))
        return known.joined(ended, losses)

    def fresh(self, count: int) -> Points:
        """The best points that are neither near one where a descent began or ended, nor near each other."""
        been, chosen = np.concatenate([self.begun, self.ended]), self.points[:0]
        for u in self.points:
            if len(chosen) < count and not (np.abs(np.concatenate([been, chosen]) - u).max(axis=1) < APART).any():
                chosen = np.concatenate([chosen, u[None]])
        return chosen

    def children(self, random: np.random.Generator, genes: Genes, names: list[str], count: int, in_vain: int) -> Points:
        """Points about it, or all of it while none is known: half moved by differences of others, half with some
        coordinates of the best drawn anew, any or those of a band, or with two bands in each other's place."""
        if not np.isfinite(self.losses[0]):
            return self.points
        (size, n), half, alike = self.points.shape, max(4, count // 2), groups(names)
        base, leader, one, other = (self.points[random.integers(k, size=half)] for k in (size, ELITE, size, size))
        moved = base + random.uniform(*STEP, (half, 1)) * (leader - base + one - other)
        moved = np.where(moved < 0.0, 0.5 * base, np.where(moved > 1.0, 0.5 * (1.0 + base), moved))
        hit = random.random((half, n)) < 1.0 - (1.0 - REDRAWN) ** (1.0 + in_vain / 2.0)
        hit[np.arange(half), random.integers(n, size=half)] = True
        about, drawn = self.points[random.integers(ELITE, size=half)], random.random((half, n))
        for i in range(half // 2 if alike else 0):
            hit[i] = False
            chosen = [alike[k] for k in random.permutation(len(alike))[: 2 + in_vain // 2]]
            if i % 2 and chosen[1:]:
                about[i] = _swapped(about[i], *chosen[:2])
            else:
                hit[i, [k for members in chosen[1:] or chosen for k in members.values()]] = True
        bred = genes.crossed(random, base, leader, moved)
        return np.concatenate([bred, genes.settled(np.where(hit, drawn, about))])


def _swapped(u: np.ndarray, one: dict[str, int], other: dict[str, int]) -> np.ndarray:
    """A point with what two groups have in common exchanged: one may be doing the other's work."""
    common = one.keys() & other.keys()
    here, there = [one[k] for k in sorted(common)], [other[k] for k in sorted(common)]
    u = u.copy()
    u[here], u[there] = u[there], u[here].copy()
    return u
