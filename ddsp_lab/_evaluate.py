"""The only way to spend budget: compiles, counts, journals in order, and turns non-finite losses into infinity."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float

from . import _problem
from ._errors import FitError, RunError
from ._journal import Journal
from ._problem import Problem
from ._separate import Separation

Suggestion: TypeAlias = Literal["estimates", "alone", "redrawn", "restarts", "twins", "lookalikes"]


class BudgetSpent(Exception):  # noqa: N818
    """Control flow, not an error: the next evaluation would cost more than is left."""


class GaussNewton(NamedTuple):
    """A sum of squares to second order: `loss`, half its gradient and half its Gauss-Newton curvature."""

    loss: float
    gradient: Float[np.ndarray, " n"]
    curvature: Float[np.ndarray, "n n"]

    @property
    def finite(self) -> bool:
        return all(np.isfinite(part).all() for part in self)


@dataclass
class Best:
    """The best point evaluated so far."""

    u: np.ndarray
    loss: float = np.inf


class Evaluate:
    """What an optimizer may ask of a problem. Points are rows of [0, 1]^n in float64; losses come as float64.

    An evaluation is one rendering of the chain: a loss costs 1, a gradient 2 (its backward pass is another), a
    Gauss-Newton model 1 and one for each parameter. Answers found in the journal are given again without computing,
    so that any deterministic optimizer resumes by being run again from its seed. `brief` answers the same questions
    from an excerpt, where the recordings are long enough for one.
    """

    def __init__(
        self,
        problem: Problem,
        separation: Separation | None = None,
        budget: float = np.inf,
        journal: Journal | None = None,
        held_out: Problem | None = None,
        watch: Callable[[Evaluate], None] = lambda _: None,
        excerpt: Problem | None = None,
    ):
        self.problem, self.separation, self.unseen, self.watch = problem, separation, held_out, watch
        self.budget, self.journal = budget, journal
        self.spent = 0.0
        self.non_finite = 0
        self.brief = self if excerpt is None else Brief(self, excerpt)
        self.replayed = 0
        self.best = Best(np.zeros(0))
        self.history: list[tuple[int, float]] = []
        self.started = time.perf_counter()
        self._replay = iter(journal.replay()) if journal else iter(())

    @property
    def evaluations(self) -> int:
        """What was spent, in whole evaluations."""
        return ceil(self.spent)

    def losses(self, us: Any) -> Float[np.ndarray, " k"]:
        """The loss at each of `us`, shape (k, n)."""
        us = np.atleast_2d(np.asarray(us, np.float64))
        (values,) = self._answer("losses", us, len(us), lambda: (_problem.losses(self.problem, us),))
        return self._note(us, values)

    def values_and_gradients(self, us: Any) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k n"]]:
        """Losses and their gradients, all starts in one vmapped program."""
        us = np.atleast_2d(np.asarray(us, np.float64))
        self._need_gradient()
        values, gradients = self._answer(
            "gradients", us, 2 * len(us), lambda: _problem.values_and_gradients(self.problem, us)
        )
        return self._note(us, values), gradients

    def gauss_newton(self, u: Any, free: np.ndarray | None = None) -> GaussNewton:
        """The local second-order model of a sum-of-squares target, in the `free` coordinates (all, if None)."""
        u = np.asarray(u, np.float64)
        free = np.arange(u.size) if free is None else free
        self._need_gradient()
        if not self.problem.target.least_squares:
            raise FitError(
                "fit-needs-residual",
                f"{self.problem.target} is no sum of squares.",
                "Use adam or lbfgs, or the target esr.",
            )

        def products() -> tuple[np.ndarray]:
            partial = _problem.gauss_newton(self.problem, u, np.resize(free, u.size), free.size)
            return (np.asarray(partial, np.float64).sum(axis=0),)

        (sums,) = self._answer("gauss_newton", np.concatenate([u, free]), 1 + free.size, products)
        return GaussNewton(float(self._note(u[None], sums[-1:, -1])[0]), sums[:-1, -1], sums[:-1, :-1])

    def suggested(self, how: Suggestion, u: Any, seed: int) -> list[np.ndarray]:
        """Points to go on from, by that method of `Separation`; none where the recordings do not line up."""
        u = np.asarray(u, np.float64)
        if self.separation is None:
            return []
        separation = self.separation
        (points,) = self._answer(
            f"{how} {seed}", u, 0, lambda: (np.reshape(getattr(separation, how)(u, seed), (-1, u.size)),)
        )
        return list(points)

    def held_out(self, u: Any) -> float:
        """The loss on what the fit does not see, at no cost; NaN where nothing is held out."""
        unseen = self.unseen
        if unseen is None:
            return np.nan
        u = np.asarray(u, np.float64)
        (loss,) = self._answer("held_out", u, 0, lambda: (_problem.losses(unseen, u[None]),))
        return float(loss[0])

    def _need_gradient(self) -> None:
        chain = self.problem.layout.chain
        if not chain.differentiable:
            raise FitError(
                "fit-needs-gradient",
                f"{chain} holds a block without gradients.",
                "Use a population optimizer, freeze the chain up to that block, or leave it out.",
            )

    def _answer(
        self, call: str, at: np.ndarray, cost: float, compute: Callable[[], tuple[Any, ...]]
    ) -> tuple[np.ndarray, ...]:
        if self.spent + cost > self.budget:
            raise BudgetSpent
        self.spent += cost
        digest = hashlib.sha256(at.tobytes()).hexdigest()[:16]
        record = next(self._replay, None)
        if record is not None:
            if (record["call"], record["at"]) != (call, digest):
                raise RunError(
                    "run-journal",
                    f"Record {self.replayed + 1} of the journal answers {record['call']!r}, not {call!r} here.",
                    "Start afresh in another folder: the versions or the machine have changed.",
                )
            self.replayed += 1
            return tuple(_unpack(a) for a in record["out"])
        out = tuple(np.asarray(a, np.float64) for a in compute())
        if self.journal is not None:
            self.journal.append({"call": call, "at": digest, "out": [_pack(a) for a in out]})
        return out

    def _note(self, us: np.ndarray, values: np.ndarray) -> np.ndarray:
        finite = np.isfinite(values)
        self.non_finite += int((~finite).sum())
        values = np.where(finite, values, np.inf)
        lead = int(np.argmin(values))
        if values[lead] < self.best.loss:
            self.best = Best(us[lead].copy(), float(values[lead]))
            self.history.append((self.evaluations, self.best.loss))
        self.watch(self)
        return values


class Brief(Evaluate):
    """The same questions about an excerpt, at its share of the cost: where to look closer. Its losses are its own."""

    def __init__(self, whole: Evaluate, excerpt: Problem):
        super().__init__(excerpt, watch=lambda _: whole.watch(whole))
        self.whole, self.share = whole, excerpt.source.size / whole.problem.source.size

    def _answer(
        self, call: str, at: np.ndarray, cost: float, compute: Callable[[], tuple[Any, ...]]
    ) -> tuple[np.ndarray, ...]:
        return self.whole._answer(f"brief {call}", at, self.share * cost, compute)


def _pack(a: np.ndarray) -> dict[str, Any]:
    """JSON has no NaN or infinity; null stands for both, as both mean a failed evaluation."""
    return {"shape": list(a.shape), "data": [x if np.isfinite(x) else None for x in a.ravel().tolist()]}


def _unpack(packed: dict[str, Any]) -> np.ndarray:
    return np.asarray([np.nan if x is None else x for x in packed["data"]], np.float64).reshape(packed["shape"])
