"""What the sources of a chain that plays notes can tell of a recording by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ._block import Block, Context, Values, leaves
from ._notes import Notes
from ._separate import played
from ._space import Space

FURTHEST_DB = 30.0  # that all levels may be off, because of what comes after the sources
SILENT = 1e-12  # mean square


class Sources:
    """Points to go on from where nothing lines up sample by sample: each source's own estimate, all at once.

    Sources are synths, and effects that sound by themselves. What is between them and the recording, weights and
    effects, is not undone: all levels are moved together until what sounds is as loud as the recording.
    """

    def __init__(self, space: Space, notes: Notes, reference: np.ndarray, sr: int):
        self.space, self.reference, self.sr = space, reference, sr
        self.notes: Any = notes  # where the other blocks have audio

    def estimates(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points at which all sources are as they guess, best guesses first."""
        ctx, values = Context(self.sr, key=jax.random.key(seed)), self.space.decode(u)
        guesses = {}
        for path, block in _sources(self.space.chain):
            mine: Values = values
            for name in path:
                mine = mine[name]
            if found := block.estimate(self.notes, self.reference, ctx, mine):
                guesses[path] = found
        points = []
        for rank in range(max(map(len, guesses.values()), default=0)):
            point = u
            for path, found in guesses.items():
                guess = found[min(rank, len(found) - 1)]
                point = self.space.moved(point, {".".join((*path, k)): v for k, v in guess.items()})
            points.append(self._as_loud(point, ctx))
        return points

    def _as_loud(self, u: np.ndarray, ctx: Context) -> np.ndarray:
        """The point with the levels of all synths moved by the same decibels."""
        y = played(self.space.chain, self.space.decode(u), self.notes, ctx)
        power = float(np.mean(np.square(y, dtype=np.float64)))
        wanted = float(np.mean(np.square(self.reference, dtype=np.float64)))
        if power < SILENT:
            return u
        off_db = float(np.clip(10.0 * np.log10(wanted / power), -FURTHEST_DB, FURTHEST_DB))
        flat = dict(zip(self.space.names, u, strict=True))
        levels = {
            path: np.clip(q.from_unit(flat[path]) + off_db, q.low, q.high)
            for path, q, owner in leaves(self.space.chain)
            if owner.takes == "notes" and q.name == "level_db" and path in flat
        }
        return self.space.moved(u, levels)


def _sources(block: Block, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Block]]:
    """All links of a chain that sound by themselves, with their paths."""
    if not block.children and (block.takes == "notes" or block.is_source):
        yield path, block
    for name, child in block.children.items():
        yield from _sources(child, (*path, name))
