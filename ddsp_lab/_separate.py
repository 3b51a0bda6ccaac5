"""One link at a time: what a link would have to do if all the others were right, and its own guess at how."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ._block import Audio, Block, Context, Values, flatten
from ._param import to_values

if TYPE_CHECKING:
    from ._space import Space


@partial(jax.jit, static_argnames="block")
def _played(block: Block, p: Values, x: Audio, ctx: Context) -> Audio:
    return block.aligned(p, x, ctx)


@partial(jax.jit, static_argnames="block")
def _undone(block: Block, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
    return block.undo(p, x, y, ctx)


def played(block: Block, p: Values, x: np.ndarray, ctx: Context) -> np.ndarray:
    """A link's output on the host, its latency removed."""
    return np.asarray(_played(block, to_values(p), x, ctx))


def undone(block: Block, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context) -> np.ndarray | None:
    """`block.undo` on the host; None where the answer is not finite either."""
    back = _undone(block, to_values(p), x, y, ctx)
    return None if back is None or not np.isfinite(np.asarray(back)).all() else np.asarray(back)


class Separation:
    """Candidate points by separating the links of a chain on one aligned pair of recordings."""

    def __init__(self, space: Space, source: np.ndarray, reference: np.ndarray, sr: int):
        self.space, self.source, self.reference, self.sr = space, source, reference, sr

    def candidates(self, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """Points that differ from `u` in one link each, every link's best guess first."""
        values = self.space.decode(u)
        ctx = Context(self.sr, key=jax.random.key(seed))
        ranked: list[tuple[int, np.ndarray]] = []
        for path, block, x, y in self._views(self.space.chain, values, (), self.source, self.reference, ctx):
            p = _at(values, path)
            for rank, guess in enumerate(block.estimate(x, y, ctx, p)):
                ranked.append((rank, self.space.moved(u, {".".join((*path, k)): v for k, v in flatten(guess).items()})))
        return [point for _, point in sorted(ranked, key=lambda r: r[0])]

    def _views(
        self, block: Block, values: Values, path: tuple[str, ...], x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[tuple[str, ...], Block, np.ndarray, np.ndarray]]:
        """Every link of the chain that holds something free, with its own source and reference."""
        here = ".".join(path)
        if not any(not here or k.startswith(here + ".") for k, _ in self.space.layout.free):
            return
        yield path, block, x, y
        children = block.children
        for name, source, wanted in block.separate(_at(values, path), x, y, ctx):
            yield from self._views(children[name], values, (*path, name), source, wanted, ctx)


def _at(values: Values, path: tuple[str, ...]) -> Any:
    for name in path:
        values = values[name]
    return values
