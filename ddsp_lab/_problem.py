"""A problem: a chain, the recordings through it and a target; what every optimizer minimises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ._block import Audio, Context
from ._notes import Notes
from ._programs import compiled
from ._source import samples
from ._space import Layout
from ._target import Target

PARTIAL = 4096  # samples of the residual summed up in float32
ROOM = 512 << 20  # bytes for renderings side by side
FEW = 64  # points that one program serves: rows without a point cost nothing
DIFFERENCE = 2e-3  # of a range: where the next float32 of audio is far below the change, and a curve still straight
BUFFERS = 16  # as long as the recordings, that one rendering holds: an estimate from above for most chains

_static = {"static": True}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Problem:
    """Arrays are traced: the recordings are arguments of the compiled step, not constants in it.

    `source` holds the examples, or the notes of each, padded at the end to one length; the first `lead` samples are a
    warm-up that fills the chain's memory and is not scored. `features` come from `target.prepare`, stacked. Every
    example counts alike.
    `prior` times the mean square distance from `centre` is added: what the recordings leave open stays as it was.
    """

    source: Float[Array, "e c t"] | Notes
    features: Any
    length: Int[Array, " e"]
    start_s: Float[Array, " e"]
    base: Mapping[str, Any]
    centre: Float[Array, " n"]
    prior: Float[Array, ""]
    layout: Layout = dataclasses.field(metadata=_static)
    target: Target = dataclasses.field(metadata=_static)
    sr: int = dataclasses.field(metadata=_static)
    lead: int = dataclasses.field(metadata=_static)

    def _rendered(self, u: Float[Array, " n"]) -> Float[Array, "e c t"]:
        p = self.layout.decode(u, self.base)

        def one(x: Audio, start_s: Float[Array, ""], length: Int[Array, ""]) -> Audio:
            y = self.layout.chain.aligned(p, x, Context(self.sr, start_s))[:, self.lead :]
            return jnp.where(jnp.arange(y.shape[1]) < length, y, 0.0)

        return _each(one, self.source, self.start_s, self.length)

    def loss(self, u: Float[Array, " n"]) -> Float[Array, ""]:
        """The mean distance over the examples, and the prior, at a point of the unit cube."""
        distance = _each(lambda f, y: self.target.distance(f, y, self.sr), self.features, self._rendered(u))
        return jnp.mean(distance) + self.prior * jnp.mean((u - self.centre) ** 2)

    def terms(self, u: Float[Array, " n"]) -> Float[Array, " 1+m"]:
        """The loss, and the mean distance by each of the target's terms."""
        found = _each(lambda f, y: self.target.distances(f, y, self.sr), self.features, self._rendered(u)).mean(axis=0)
        weights = jnp.asarray([w for w, _ in self.target.terms().values()], found.dtype)
        loss = weights @ found + self.prior * jnp.mean((u - self.centre) ** 2)
        return jnp.concatenate([loss[None], found])

    @property
    def work(self) -> int:
        """The samples of audio that one evaluation renders."""
        return self.length.shape[0] * samples(jax.tree.map(lambda leaf: leaf[0], self.source), self.sr)

    @property
    def blind(self) -> np.ndarray:
        """Which coordinates the loss has no gradient in."""
        return self.layout.blind | (not self.target.differentiable)

    def residual(self, u: Float[Array, " n"]) -> Float[Array, " r"]:
        """A vector whose squares add up to `loss`."""
        r = _each(lambda f, y: self.target.residual(f, y, self.sr), self.features, self._rendered(u))
        moved = jnp.sqrt(self.prior / u.size) * (u - self.centre)
        return jnp.concatenate([jnp.ravel(r) / jnp.sqrt(r.shape[0]), moved])

    def gauss_newton(
        self, u: Float[Array, " n"], which: Int[Array, " n"], count: Int[Array, ""]
    ) -> Float[Array, "b n+1 n+1"]:
        """Products of the rows of $(J^T, r)$ over stretches of the residual, whose sum holds the curvature $J^T J$, the
        gradient $J^T r$ and the loss $r^T r$ (the last row and column), in the first `count` coordinates of `which`.

        The sum over stretches is left to the caller, in float64: directions in which a chain hardly changes would drown
        in the rounding of a longer one.
        One column a parameter, one after the other: side by side they would leave the cache. It comes by forward-mode
        differentiation, or by a difference where there is no derivative.
        """
        blind = self.blind
        r, column = (self.residual(u), None) if blind.all() else jax.linearize(self.residual, u)

        def by_difference(k: Int[Array, ""]) -> Float[Array, " r"]:
            step = jnp.where(u[k] < 0.5, DIFFERENCE, -DIFFERENCE)
            return (self.residual(u.at[k].add(step)) - r) / step

        def by_derivative(k: Int[Array, ""]) -> Float[Array, " r"]:
            return column(jnp.zeros_like(u).at[k].set(1.0)) if column else by_difference(k)

        def add(i, jacobian):
            k = which[i]
            known = (
                by_derivative(k)
                if not blind.any()
                else jax.lax.cond(jnp.asarray(blind)[k], by_difference, by_derivative, k)
            )
            return jacobian.at[k].set(known)

        jacobian = jax.lax.fori_loop(0, count, add, jnp.zeros((u.shape[0], r.shape[0]), r.dtype))
        rows = jnp.concatenate([jacobian, r[None]])
        rows = jnp.pad(rows, ((0, 0), (0, -r.size % PARTIAL)))

        def products(start: Int[Array, ""]) -> Float[Array, "n+1 n+1"]:
            piece = jax.lax.dynamic_slice_in_dim(rows, start, PARTIAL, axis=1)
            return jnp.matmul(piece, piece.T, precision=jax.lax.Precision.HIGHEST)

        return jax.lax.map(products, jnp.arange(0, rows.shape[1], PARTIAL))


def _each(f: Callable[..., Any], *stacks: Any) -> Any:
    """`vmap`; a stack of one is a plain call, which traces and compiles faster."""
    if jax.tree.leaves(stacks)[0].shape[0] > 1:
        return jax.vmap(f)(*stacks)
    return jax.tree.map(lambda y: y[None], f(*jax.tree.map(lambda x: x[0], stacks)))


def losses(
    problem: Problem, us: Float[Any, "k n"], least: int = FEW, at_once: int | None = None
) -> Float[np.ndarray, " k"]:
    """The loss at each point. One program serves every number of points up to a power of two, from `least` on; it
    renders `at_once` of them side by side, as many as suit the machine if None, whatever their number: that is what it
    takes in memory. The program of a sum gives its terms too, so that asking for them compiles no other."""
    if len(problem.target.terms()) > 1:
        return terms(problem, us, least, at_once)[:, 0]
    return _at_each(_losses, problem, us, least, at_once)


def terms(
    problem: Problem, us: Float[Any, "k n"], least: int = FEW, at_once: int | None = None
) -> Float[np.ndarray, "k 1+m"]:
    """The loss and its terms at each point, as `losses` are found."""
    return _at_each(_terms, problem, us, least, at_once)


def _at_each(
    found: Callable[..., Any], problem: Problem, us: Float[Any, "k n"], least: int, at_once: int | None
) -> np.ndarray:
    count = len(us)
    room = (1 << (max(count, least) - 1).bit_length()) - count
    padded = np.pad(us, ((0, room), (0, 0)), mode="edge")
    return np.asarray(found(at_once or _side_by_side(problem), problem, padded, np.int32(count)))[:count]


@partial(compiled, static=1)
def _losses(at_once: int, problem: Problem, us: Float[Array, "k n"], count: Int[Array, ""]) -> Float[Array, " k"]:
    return _swept(at_once, problem.loss, us, count, ())


@partial(compiled, static=1)
def _terms(at_once: int, problem: Problem, us: Float[Array, "k n"], count: Int[Array, ""]) -> Float[Array, "k 1+m"]:
    return _swept(at_once, problem.terms, us, count, (1 + len(problem.target.terms()),))


def _swept(
    at_once: int,
    f: Callable[[Float[Array, " n"]], Array],
    us: Float[Array, "k n"],
    count: Int[Array, ""],
    shape: tuple[int, ...],
) -> Float[Array, "k ..."]:
    """At the first `count` points, each answer of that shape; what stands for the others means nothing."""
    if us.shape[0] == 1:
        return f(us[0])[None]
    at_once = min(us.shape[0], at_once)

    def add(i: Int[Array, ""], found: Float[Array, "k ..."]) -> Float[Array, "k ..."]:
        piece = jax.lax.dynamic_slice_in_dim(us, i * at_once, at_once)
        return jax.lax.dynamic_update_slice_in_dim(found, _each(f, piece), i * at_once, 0)

    return jax.lax.fori_loop(0, -(-count // at_once), add, jnp.zeros((us.shape[0], *shape), us.dtype))


def _side_by_side(problem: Problem) -> int:
    """How many points are rendered at once: a power of two.

    One on processors: four gain a third with a compressor in the chain and nothing with most blocks, and cost
    fiftyfold with a delay into a reverb. On accelerators as many as fit into `ROOM`.
    """
    if jax.default_backend() == "cpu":
        return 1
    return 1 << max(0, (ROOM // (BUFFERS * 4 * problem.work)).bit_length() - 1)


@compiled
def values_and_gradients(problem: Problem, us: Float[Array, "k n"]) -> tuple[Float[Array, " k"], Float[Array, "k n"]]:
    return _each(jax.value_and_grad(problem.loss), us)


@compiled
def gauss_newton(
    problem: Problem, u: Float[Array, " n"], which: Int[Array, " n"], count: Int[Array, ""]
) -> Float[Array, "b n+1 n+1"]:
    return problem.gauss_newton(u, which, count)
