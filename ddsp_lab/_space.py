"""From a chain to a flat point and back: bounds, freezing and tying live here, not in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._block import Block, Values, blind, flatten, leaves, nest, sleeping
from ._errors import FitError, ParameterError, did_you_mean
from ._param import Param


@dataclass(frozen=True)
class Layout:
    """The static half of a space: which parameters a point holds, in which order. Hashable: a jit cache key."""

    chain: Block
    free: tuple[tuple[str, Param], ...]
    ties: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        return sum(prod(q.shape) for _, q in self.free)

    @property
    def names(self) -> list[str]:
        """A name for every coordinate of a point, `eq.gain_db[2]`."""
        return [path if not q.shape else f"{path}[{i}]" for path, q in self.free for i in range(prod(q.shape))]

    @property
    def affine(self) -> np.ndarray:
        """Which coordinates the output of their link is affine in."""
        return np.repeat([q.affine for _, q in self.free], [prod(q.shape) for _, q in self.free])

    @property
    def levels(self) -> np.ndarray:
        """How many values each coordinate takes; 0 where it is continuous."""
        return np.repeat([q.levels for _, q in self.free], [prod(q.shape) for _, q in self.free])

    @property
    def discrete(self) -> list[str]:
        """The names of the coordinates that are not continuous."""
        return [name for name, levels in zip(self.names, self.levels, strict=True) if levels]

    @property
    def categorical(self) -> np.ndarray:
        """Which coordinates stand for choices, which have no order."""
        return np.repeat([bool(q.choices) for _, q in self.free], [prod(q.shape) for _, q in self.free])

    @property
    def blind(self) -> np.ndarray:
        """Which coordinates have no gradient: discrete ones, and those of, or before, a block without."""
        tied = dict(self.ties)
        paths = {tied.get(path, path) for path in blind(self.chain)}
        return np.repeat([q.levels > 0 or k in paths for k, q in self.free], [prod(q.shape) for _, q in self.free])

    def decode(self, u: Float[Array, " n"], base: Mapping[str, Any]) -> Values:
        """The values at `u` in [0, 1]^n; what the search may not move comes from `base`."""
        flat, at = dict(base), 0
        for path, q in self.free:
            n = prod(q.shape)
            flat[path], at = q.from_unit(u[at : at + n].reshape(q.shape)), at + n
        for path, source in self.ties:
            flat[path] = flat[source]
        return nest(flat)


class Space:
    """The part of a chain that a search may move: points of the unit cube, evenly in each parameter's own scale.

    `frozen` names parameters, or links with all of theirs, that stay where they start. `ties` maps a parameter to the
    one it copies. `start` overrides start values, nested or by path. Paths are link names joined by dots. Links that a
    `bypass` has switched off are frozen too.

    The search speaks in [0, 1] and not in an unconstrained space: a start on a bound is then an ordinary point, and
    an optimizer sees which bounds are active.
    """

    def __init__(
        self,
        chain: Block,
        frozen: Iterable[str] = (),
        ties: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        start: Mapping[str, Any] | None = None,
    ):
        self.chain = chain
        self.params = {path: q for path, q, _ in leaves(chain)}
        self.frozen = (frozen,) if isinstance(frozen, str) else tuple(frozen)
        pairs = tuple(dict(ties).items())
        for path in self.frozen:
            if not any(_within(known, path) for known in self.params):
                raise self._unknown(path, {*self.params, *(k.rsplit(".", 1)[0] for k in self.params if "." in k)})
        for path in (p for pair in pairs for p in pair):
            if path not in self.params:
                raise self._unknown(path, self.params)
        for path, source in pairs:
            a, b = self.params[path], self.params[source]
            if not a.covers(b) or source in dict(pairs):
                raise ParameterError(
                    "parameter-bounds",
                    f"{path} ({a.range_text}) cannot copy {source} ({b.range_text}).",
                    "Tie parameters of one shape and kind whose range holds the other's, none of them tied itself.",
                )
        fixed = (*self.frozen, *dict(pairs), *sleeping(chain))
        free = tuple((k, q) for k, q in self.params.items() if not (q.data or any(_within(k, f) for f in fixed)))
        self.layout = Layout(chain, free, pairs)
        self.base = starting_values(chain) | self.known(start or {})
        for path, source in pairs:
            self.base[path] = self.base[source]

    def _unknown(self, path: str, known: Iterable[str]) -> ParameterError:
        return ParameterError("unknown-parameter", f"The chain has no parameter {path!r}.", did_you_mean(path, known))

    def known(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        flat = flatten(values)
        for path in flat:
            if path not in self.params:
                raise self._unknown(path, self.params)
        return {path: self.params[path].check(value, path) for path, value in flat.items()}

    @property
    def size(self) -> int:
        return self.layout.size

    @property
    def names(self) -> list[str]:
        return self.layout.names

    def check(self) -> None:
        if not self.size:
            raise FitError("nothing-to-fit", f"{self.chain} has no free parameter.", "Freeze or tie less.")

    def decode(self, u: Any) -> Values:
        """The values at a point of [0, 1]^n."""
        return _decode(self.layout, u if isinstance(u, Array) else np.asarray(u, np.float64), self.base)

    def encode(self, values: Mapping[str, Any]) -> np.ndarray:
        """The point, in float64, at which values stand; parameters that are left out stand at their start."""
        flat = self.base | self.known(values)
        parts = [np.ravel(np.clip(q.to_unit(flat[path]), 0.0, 1.0)) for path, q in self.layout.free]
        return np.concatenate([*parts, np.zeros(0)])

    def moved(self, u: np.ndarray, values: Mapping[str, Any]) -> np.ndarray:
        """The point `u` with some parameters, by path, at other values; the rest exactly where it was."""
        known = self.known(values)
        mine = np.repeat([path in known for path, _ in self.layout.free], [prod(q.shape) for _, q in self.layout.free])
        return np.where(mine, self.encode(values), u)

    @property
    def start(self) -> np.ndarray:
        return self.encode({})

    def sample(self, key: Array) -> Values:
        """Values drawn uniformly in each free parameter's own scale."""
        return self.decode(jax.random.uniform(key, (self.size,)))

    def complete(self, values: Mapping[str, Any]) -> Values:
        """All values of the chain: the given ones, checked, and the start values of the rest."""
        return nest(self.base | self.known(values))


@partial(jax.jit, static_argnums=0)
def _decode(layout: Layout, u: Float[Array, " n"], base: Mapping[str, Any]) -> Values:
    return layout.decode(jnp.clip(u, 0.0, 1.0), base)


def _within(path: str, parent: str) -> bool:
    return path == parent or path.startswith(parent + ".")


def starting_values(chain: Block) -> dict[str, np.ndarray]:
    """Where each parameter starts, by path: its default, or what the chain says instead."""
    return {path: q.check(dict(block.start).get(q.name, q.default), path) for path, q, block in leaves(chain)}
