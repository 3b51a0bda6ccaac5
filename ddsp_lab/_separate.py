"""One link at a time: what a link would have to do if all the others were right, and its own guess at how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ._block import Audio, Block, Context, Values, flatten, walk
from ._param import to_values
from ._programs import compiled

if TYPE_CHECKING:
    from ._space import Space


DRAWS = 24  # random points a link


@compiled(static=1)
def _played(block: Block, p: Values, x: Audio, ctx: Context) -> Audio:
    return block.aligned(p, x, ctx)


@compiled(static=1)
def _undone(block: Block, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
    return block.undo(p, x, y, ctx)


def played(block: Block, p: Values, x: np.ndarray, ctx: Context) -> np.ndarray:
    """A link's output on the host, its latency removed."""
    return np.asarray(_played(block, to_values(p), x, ctx))


def undone(block: Block, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context) -> np.ndarray | None:
    """`block.undo` on the host; None where the answer is not finite either."""
    back = _undone(block, to_values(p), x, y, ctx)
    return None if back is None or not np.isfinite(np.asarray(back)).all() else np.asarray(back)


@dataclass(frozen=True)
class View:
    """A link on its own: what goes into it, and what would have to come out if all the others were right."""

    path: tuple[str, ...]
    block: Block
    source: np.ndarray
    wanted: np.ndarray
    above: View | None

    def values(self, values: Values) -> Values:
        for name in self.path:
            values = values[name]
        return values

    def paths(self, values: Values) -> dict[str, Any]:
        """Values of this link by their paths in the whole chain."""
        return {".".join((*self.path, k)): v for k, v in flatten(values).items()}

    @property
    def ancestors(self) -> Iterator[View]:
        view = self.above
        while view is not None:
            yield view
            view = view.above


class Separation:
    """Points to go on from, by separating the links of a chain on one aligned pair of recordings.

    Whatever a link suggests, the sums it stands in take the weights that then fit best.
    """

    def __init__(self, space: Space, source: np.ndarray, reference: np.ndarray, sr: int):
        self.space, self.source, self.reference, self.sr = space, source, reference, sr

    def estimates(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points that differ from `u` in one link, by its own estimate given the others; best guesses first."""
        ctx, values = self._at(u, seed)
        return self._estimates(u, self._views(values, ctx), values, ctx)

    def alone(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points that differ from `u` in one link, by its own estimate as if the others did nothing.

        A link that does nothing in truth, and something at `u`, spoils the estimates of the others."""
        ctx, values = self._at(u, seed)
        views = [v for v in self._views(values, ctx) if v.block.params and not v.block.children]
        whole = [replace(v, source=self.source, wanted=self.reference) for v in views]
        return self._estimates(u, whole if len(views) > 1 else [], values, ctx)

    def _estimates(self, u: np.ndarray, views: Iterable[View], values: Values, ctx: Context) -> list[np.ndarray]:
        ranked: list[tuple[int, np.ndarray]] = []
        for view in views:
            guesses = view.block.estimate(view.source, view.wanted, ctx, view.values(values))
            ranked += [(rank, self._moved(u, view, guess, ctx)) for rank, guess in enumerate(guesses)]
        return [point for _, point in sorted(ranked, key=lambda r: r[0])]

    def redrawn(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points at which one link at a time is drawn at random."""
        ctx, values = self._at(u, seed)
        views = [v for v in self._views(values, ctx) if v.block.params and not v.block.children]
        keys = jax.random.split(jax.random.fold_in(ctx.seed, 1), DRAWS)
        return [self._moved(u, view, view.values(self.space.sample(key)), ctx) for view in views for key in keys]

    def restarts(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points drawn at random."""
        ctx, _ = self._at(u, seed)
        points = [self.space.encode(self.space.sample(key)) for key in jax.random.split(ctx.seed, DRAWS)]
        if not any(block.sums for block in walk(self.space.chain)):
            return points
        sums = [[v for v in self._views(self.space.decode(point), ctx) if v.block.sums] for point in points]
        return [self._weighted(point, reversed(above), ctx) for point, above in zip(points, sums, strict=True)]

    def twins(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points at which a link of a sum does the same by other values, and the sum weighs it as it should."""
        return self._lookalikes(u, seed, in_sums=True)

    def lookalikes(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points at which a link that stands in no sum does nearly the same by other values."""
        return self._lookalikes(u, seed, in_sums=False)

    def _lookalikes(self, u: np.ndarray, seed: int, in_sums: bool) -> list[np.ndarray]:
        ctx, values = self._at(u, seed)
        return [
            self._moved(u, view, other, ctx)
            for view in self._views(values, ctx)
            if any(above.block.sums for above in view.ancestors) == in_sums
            for other in view.block.lookalikes(view.values(values), view.source, ctx, in_sums)
        ]

    def _at(self, u: np.ndarray, seed: int) -> tuple[Context, Values]:
        return Context(self.sr, key=jax.random.key(seed)), self.space.decode(u)

    def _moved(self, u: np.ndarray, view: View, guess: Values, ctx: Context) -> np.ndarray:
        return self._weighted(self.space.moved(u, view.paths(guess)), view.ancestors, ctx)

    def _weighted(self, u: np.ndarray, above: Iterable[View], ctx: Context) -> np.ndarray:
        for view in above:
            for guess in view.block.estimate(view.source, view.wanted, ctx, view.values(self.space.decode(u)))[:1]:
                u = self.space.moved(u, view.paths(guess))
        return u

    def _views(self, values: Values, ctx: Context) -> Iterator[View]:
        """Every link of the chain that holds something free."""
        waiting = [View((), self.space.chain, self.source, self.reference, None)]
        free = [path.split(".") for path, _ in self.space.layout.free]
        while waiting:
            view = waiting.pop(0)
            if not any(tuple(path[: len(view.path)]) == view.path for path in free):
                continue
            yield view
            links = view.block.separate(view.values(values), view.source, view.wanted, ctx)
            waiting += [View((*view.path, k), view.block.children[k], x, y, view) for k, x, y in links]
