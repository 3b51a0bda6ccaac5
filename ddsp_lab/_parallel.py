"""A weighted sum of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np

from ._block import Audio, Block, Context, State, Values
from ._branches import Branches
from ._expression import number_text
from ._param import Param
from ._separate import played
from ._wrapper import Row, inner_text

WEIGHTS = "weights"  # where a parallel sum keeps its weights, hence no label
FAINT = 0.05  # below this, a branch is looked for at a weight of 1


@dataclass(frozen=True)
class Parallel(Branches):
    r"""A weighted sum, `0.7 * a + 0.3 * b`: $y = \sum_k w_k f_k(x)$.

    Weights are parameters, -2 to 2 (a negative one inverts). `weights` holds where each starts; None means 1/n.
    """

    weights: tuple[float | None, ...] = field(default=(), compare=False, kw_only=True)

    reserved: ClassVar[tuple[str, ...]] = (WEIGHTS,)
    sums: ClassVar[bool] = True
    inverts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Unlabelled sums within a sum are unfolded, their weights multiplied through."""
        blocks: list[Block] = []
        weights: list[float | None] = []
        for weight, block in zip(self.weights or (None,) * len(self.blocks), self.blocks, strict=True):
            if isinstance(block, Parallel) and not block.label and (weight is None or None not in block.weights):
                blocks += block.blocks
                weights += block.weights if weight is None else (weight * w for w in block.weights if w is not None)
            else:
                blocks.append(block)
                weights.append(weight)
        object.__setattr__(self, "blocks", tuple(blocks))
        object.__setattr__(self, "weights", tuple(weights))
        super().__post_init__()
        for param in self.params:
            param.check(param.default, param.name)

    @classmethod
    def of(cls, *weighted: tuple[float | None, Block]) -> Parallel:
        return cls(tuple(b for _, b in weighted), weights=tuple(w for w, _ in weighted))

    @property
    def params(self) -> tuple[Param, ...]:
        even = 1.0 / len(self.blocks)
        starts = zip(self.children, self.weights, strict=True)
        return tuple(
            Param(f"{WEIGHTS}.{k}", -2.0, 2.0, default=even if w is None else w, affine=True, automatable=True)
            for k, w in starts
        )

    def starting_at(self, **values: Any) -> Self:
        """Weights start where the text of the sum says; both forms are one."""
        starts = {k.removeprefix(f"{WEIGHTS}."): float(v) for k, v in super().starting_at(**values).start}
        weights = (starts.get(k, w) for k, w in zip(self.children, self.weights, strict=True))
        return replace(self, weights=tuple(weights))

    def arrivals(self, sr: int) -> dict[str, int]:
        return {q.name: self.latency_samples(sr) for q in self.params}

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        after, total = [], 0.0
        for name, before in zip(self.children, state, strict=True):
            s, y = self.branch(name, p, before, x, ctx)
            after.append(s)
            total = total + p[WEIGHTS][name] * y
        return tuple(after), jnp.asarray(total)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The least-squares weights of the branches; dry and wet of a branch are weighed apart, which says its mix."""
        if p is None:
            return []
        faders = {
            k: q.name for k, b in self.children.items() for q in b.params if q.affine and (q.low, q.high) == (0.0, 1.0)
        }
        ends = {}
        for name, block in self.children.items():
            at = [{faders[name]: end} for end in (0.0, 1.0)] if name in faders else [{}]
            ends[name] = [np.ravel(played(block, p.get(name, {}) | end, source, ctx)) for end in at]
        wanted = np.ravel(reference)
        parts = iter(_least_squares([column for columns in ends.values() for column in columns], wanted))
        guess: Values = {}
        branches = []
        for name, columns in ends.items():
            dry, *wet = [next(parts) for _ in columns]
            for w in wet:
                mix = float(np.clip(w / (dry + w), 0.0, 1.0)) if dry + w else 0.0
                guess[name] = {faders[name]: mix}
                columns = [(1.0 - mix) * columns[0] + mix * columns[1]]
            branches += columns
        best = np.clip(_least_squares(branches, wanted), -2.0, 2.0)
        return [guess | {WEIGHTS: dict(zip(ends, best.tolist(), strict=True))}]

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        parts = {k: float(p[WEIGHTS][k]) * played(b, p.get(k, {}), x, ctx) for k, b in self.children.items()}
        total = sum(parts.values())
        for name, part in parts.items():
            weight = float(p[WEIGHTS][name])
            yield name, x, (y - (total - part)) / (weight if abs(weight) > FAINT else 1.0)

    def __str__(self) -> str:
        text = ""
        for block, weight in zip(self.blocks, self.weights, strict=True):
            bare = isinstance(block, Row) and not block.label
            term = f"({block})" if bare else str(block)
            sign = "-" if weight is not None and weight < 0 else "+"
            if weight is not None:
                term = f"{number_text(abs(weight))} * {term}"
            text += f" {sign} {term}" if text else term if sign == "+" else f"-{term}"
        if self.weights == (None,):
            text = f"parallel({inner_text(self.blocks[0])})"
        return self.labelled_text(f"({text})") if self.label else text


def _least_squares(columns: list[np.ndarray], wanted: np.ndarray) -> np.ndarray:
    a = np.stack(columns).astype(np.float64)
    return np.linalg.lstsq(a @ a.T, a @ wanted, rcond=1e-13)[0]
