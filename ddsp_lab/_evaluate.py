"""The only way to spend budget: compiles, counts, journals in order, and turns non-finite losses into infinity."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property, partial
from math import ceil
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import jax
import numpy as np
from jaxtyping import Float

from . import _problem
from ._block import faults
from ._errors import FitError, RunError
from ._front import Front
from ._journal import Journal, pack, unpack
from ._problem import Problem
from ._separate import Separation
from ._sources import Sources

Suggestion: TypeAlias = Literal["estimates", "alone", "redrawn", "restarts", "twins", "lookalikes"]


T = TypeVar("T")
Elsewhere: TypeAlias = Callable[[Callable[..., np.ndarray], np.ndarray, tuple[int, ...]], np.ndarray]
NOTHING_ELSE: Mapping[str, np.ndarray] = MappingProxyType({})
SIDE_BY_SIDE = 8  # questions computed at once at most: each holds a Jacobian


class BudgetSpent(Exception):  # noqa: N818
    """Control flow, not an error: the next evaluation would cost more than is left, or the time is up."""


class GaussNewton(NamedTuple):
    """A sum of squares to second order: `loss`, half its gradient and half its Gauss-Newton curvature."""

    loss: float
    gradient: Float[np.ndarray, " n"]
    curvature: Float[np.ndarray, "n n"]

    @property
    def finite(self) -> bool:
        return all(np.isfinite(part).all() for part in self)


class Asked(NamedTuple):
    """A question: what is asked, where, what it costs, how it is computed, and what is made of the numbers."""

    call: str
    at: np.ndarray
    cost: float
    compute: Callable[[], tuple[Any, ...]]
    read: Callable[..., Any]


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
    from an excerpt, where the recordings are long enough for one; `rough` by levels in bands, where the target compares
    waveforms: which band is too loud shows long before the waves agree.
    """

    def __init__(
        self,
        problem: Problem,
        separation: Separation | Sources | None = None,
        budget: float = np.inf,
        journal: Journal | None = None,
        held_out: Problem | None = None,
        watch: Callable[[Evaluate], None] = lambda _: None,
        excerpt: Problem | None = None,
        elsewhere: Elsewhere | None = None,
        seconds: float = np.inf,
        rough: Callable[[], Problem] | None = None,
    ):
        self.problem, self.separation, self.unseen, self.watch = problem, separation, held_out, watch
        self.budget, self.journal = budget, journal
        self.elsewhere = elsewhere  # computes generations
        self.spent = 0.0
        self.non_finite = 0
        self.failed = 0
        self.notes: dict[str, str] = {}  # by code
        self.brief = self if excerpt is None else Aside(self, excerpt, "brief")
        self.replayed = 0
        self._compiled: set[str] = set()
        self.best = Best(np.zeros(0))
        self.history: list[tuple[int, float]] = []
        self.path: list[np.ndarray] = []  # the point of each entry of the history
        self.front = Front()  # of what `terms` were asked for
        self._rough = rough
        self.seconds = seconds
        self._since: float | None = None  # the first answer that the journal did not hold
        self._late = False
        self._replay = iter(journal.replay()) if journal else iter(())

    @property
    def seconds_left(self) -> float:
        """Of the time that was given, which begins where the journal ends."""
        return self.seconds if self._since is None else self.seconds - (time.perf_counter() - self._since)

    @property
    def evaluations(self) -> int:
        """What was spent, in whole evaluations."""
        return ceil(self.spent)

    @cached_property
    def rough(self) -> Evaluate | None:
        return Aside(self, self._rough(), "rough") if self._rough else None

    def losses(self, us: Any) -> Float[np.ndarray, " k"]:
        """The loss at each of `us`, shape (k, n)."""
        return self.answers([self.ask_losses(us)])[0]

    def terms(self, us: Any, beside: Mapping[str, np.ndarray] = NOTHING_ELSE) -> Float[np.ndarray, "k m"]:
        """What the target's terms say at each of `us`, unweighted, and what else of them is to be little, by name."""
        return self.answers([self.ask_terms(us, beside)])[0]

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of the target's terms."""
        return tuple(self.problem.target.terms())

    def generation(
        self, us: Float[np.ndarray, "k n"], ask: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> Float[np.ndarray, "k ..."]:
        """What `ask` says of a population, its losses unless given; of the last one, what the budget pays for."""
        ask, left = ask or self.losses, self.budget - self.spent
        if 1.0 <= left < len(us):
            ask(us[: int(left)])
        return ask(us)

    def values_and_gradients(
        self, us: Any, partly: bool = False
    ) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k n"]]:
        """Losses and their gradients, all starts in one vmapped program; `partly`, 0 where there is no gradient."""
        return self.answers([self.ask_gradients(us, partly)])[0]

    def gauss_newton(self, u: Any, free: np.ndarray | None = None, differences: bool = False) -> GaussNewton:
        """The local second-order model of a sum-of-squares target, in the `free` coordinates (all, if None)."""
        return self.answers([self.ask_gauss_newton(u, free, differences)])[0]

    def ask_losses(self, us: Any) -> Asked:
        """The question that `losses` answers."""
        us = np.atleast_2d(np.asarray(us, np.float64))
        compute = partial(self._of_each, _problem.losses, us)
        return Asked("losses", us, len(us), compute, lambda values: self._note(us, values))

    def ask_gradients(self, us: Any, partly: bool = False) -> Asked:
        """The question that `values_and_gradients` answers."""
        us = np.atleast_2d(np.asarray(us, np.float64))
        if not partly:
            self._need_gradient()

        def read(values: np.ndarray, gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self._note(us, values), gradients

        compute = partial(_problem.values_and_gradients, self.problem, us)
        return Asked("gradients", us, 2 * len(us), compute, read)

    def ask_terms(self, us: Any, beside: Mapping[str, np.ndarray] = NOTHING_ELSE) -> Asked:
        """The question that `terms` answers."""
        us, names = np.atleast_2d(np.asarray(us, np.float64)), self.objectives

        def read(found: np.ndarray) -> np.ndarray:
            objectives = np.column_stack([found[:, 1:], *beside.values()])
            finite = np.all(np.isfinite(found), axis=1)
            objectives = np.where(finite[:, None], objectives, np.inf)
            losses = self._note(us, np.where(finite, found[:, 0], np.nan))
            self.front = self.front.joined((*names, *beside), us, losses, objectives)
            return objectives

        compute = partial(self._of_each, _problem.terms, us, (1 + len(names),))
        return Asked("terms", us, len(us), compute, read)

    def _of_each(self, ask: Callable[..., np.ndarray], us: np.ndarray, shape: tuple[int, ...] = ()) -> tuple[Any]:
        """What `ask` says of each point: an array of `shape`."""
        return (self.elsewhere(ask, us, shape) if self.elsewhere and len(us) > 1 else ask(self.problem, us),)

    def ask_gauss_newton(self, u: Any, free: np.ndarray | None = None, differences: bool = False) -> Asked:
        """The question that `gauss_newton` answers; whether a derivative that is not there may be a difference."""
        u = np.asarray(u, np.float64)
        free = np.arange(u.size) if free is None else free
        if not differences:
            self._need_gradient()
        if not self.problem.target.least_squares:
            raise FitError(
                "fit-needs-residual",
                f"{self.problem.target} is no sum of squares.",
                "Use adam or lbfgs, or the target esr.",
            )

        def products() -> tuple[np.ndarray]:
            stretches = _problem.gauss_newton(self.problem, u, np.resize(free, u.size), free.size)
            return (np.asarray(stretches, np.float64).sum(axis=0),)

        def read(sums: np.ndarray) -> GaussNewton:
            return GaussNewton(float(self._note(u[None], sums[-1:, -1])[0]), sums[:-1, -1], sums[:-1, :-1])

        return Asked("gauss_newton", np.concatenate([u, free]), 1 + free.size, products, read)

    def suggested(self, how: Suggestion, u: Any, seed: int) -> list[np.ndarray]:
        """Points to go on from, by that method of `Separation` or `Sources`; none where that has no such method."""
        u = np.asarray(u, np.float64)
        suggest = getattr(self.separation, how, None)
        if suggest is None:
            return []
        compute = lambda: (np.reshape(suggest(u, seed), (-1, u.size)),)  # noqa: E731
        return self.answers([Asked(f"{how} {seed}", u, 0, compute, list)])[0]

    def held_out(self, u: Any) -> float:
        """The loss on what the fit does not see, at no cost; NaN where nothing is held out."""
        unseen = self.unseen
        if unseen is None:
            return np.nan
        u = np.asarray(u, np.float64)
        compute = lambda: (_problem.losses(unseen, u[None]),)  # noqa: E731
        return self.answers([Asked("held_out", u, 0, compute, lambda loss: float(loss[0]))])[0]

    def _need_gradient(self) -> None:
        chain = self.problem.layout.chain
        if not chain.differentiable:
            raise FitError(
                "fit-needs-gradient",
                f"{chain} holds a block without gradients.",
                "Use a population optimizer, freeze the chain up to that block, or leave it out.",
            )
        if not self.problem.target.differentiable:
            raise FitError(
                "fit-needs-gradient",
                f"{self.problem.target} has no gradient.",
                "Use a population optimizer, or give embedding() a JAX function.",
            )

    def answers(self, asked: Sequence[Asked]) -> list[Any]:
        """The answers to several questions, computed side by side, counted and kept in the order they stand in."""
        answers = [a.read(*out) for a, out in zip(asked, self._numbers(asked), strict=False)]
        if len(answers) < len(asked):
            raise BudgetSpent
        return answers

    def _numbers(self, asked: Sequence[Asked]) -> list[tuple[np.ndarray, ...]]:
        """What the budget pays for, from the journal as far as it goes."""
        paid, known = 0, []
        for a in asked:
            if self.spent + a.cost > self.budget:
                break
            record = next(self._replay, None)
            if record is not None:
                known.append(self._replayed(a, record))
            elif a.cost and self.seconds_left <= 0.0:
                self._late = True
                break
            self.spent += a.cost
            paid += 1
        return known + self._computed(asked[len(known) : paid])

    def _replayed(self, asked: Asked, record: dict[str, Any]) -> tuple[np.ndarray, ...]:
        if (record["call"], record["at"]) != (asked.call, _digest(asked)):
            raise RunError(
                "run-journal",
                f"Record {self.replayed + 1} of the journal answers {record['call']!r}, not {asked.call!r} here.",
                "Start afresh in another folder: the versions or the machine have changed.",
            )
        self.replayed += 1
        return tuple(unpack(a) for a in record["out"])

    def _computed(self, asked: Sequence[Asked]) -> list[tuple[np.ndarray, ...]]:
        """Computed in threads, but for the first of a kind, which is compiled; in the journal as if one by one."""
        computed = []
        if asked and self._since is None:
            self._since = time.perf_counter()
        while asked:
            new = asked[0].call not in self._compiled or jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue] # a switch that threads may not share
            now, asked = (asked[:1], asked[1:]) if new else (asked, [])
            self._compiled.update(a.call for a in now)
            run = map if len(now) == 1 else _threads().map
            for a, out in zip(now, run(_compute, now), strict=True):
                if self.journal is not None and not self._late:  # a run that has more time asks something else here
                    record = {"call": a.call, "at": _digest(a), "out": [pack(o) for o in out]}
                    self.journal.append(record, durable=a.at.ndim == 2 and len(a.at) > 1)
                computed.append(out)
            self._hear_of_faults()
        return computed

    def _hear_of_faults(self) -> None:
        """Count what failed in blocks that run elsewhere; raise where one of them is given up."""
        for fault in faults(self.problem.layout.chain):
            if fault.code == "host-quarantined":
                raise fault
            self.failed += 1
            self.notes[fault.code] = f"{self.failed} evaluations failed and counted as infinite: {fault.message}"

    def _note(self, us: np.ndarray, values: np.ndarray) -> np.ndarray:
        finite = np.isfinite(values)
        self.non_finite += int((~finite).sum())
        values = np.where(finite, values, np.inf)
        lead = int(np.argmin(values))
        if values[lead] < self.best.loss:
            self.best = Best(us[lead].copy(), float(values[lead]))
            self.history.append((self.evaluations, self.best.loss))
            self.path.append(self.best.u)
        self.watch(self)
        return values


class Aside(Evaluate):
    """The same questions about another problem of the same chain, at its share of the cost: where to look closer. Its
    losses are its own."""

    def __init__(self, whole: Evaluate, problem: Problem, name: str):
        super().__init__(problem, watch=lambda _: whole.watch(whole))
        self.whole, self.name, self.share = whole, name, problem.work / whole.problem.work

    def _numbers(self, asked: Sequence[Asked]) -> list[tuple[np.ndarray, ...]]:
        return self.whole._numbers([a._replace(call=f"{self.name} {a.call}", cost=self.share * a.cost) for a in asked])


def side_by_side(evaluate: Evaluate, tasks: Sequence[Generator[Asked, Any, T]]) -> list[T]:
    """Run tasks that yield questions and are sent the answers, all of them one question at a time; their results."""
    results: dict[int, T] = {}
    waiting: dict[int, Asked] = {}

    def proceed(i: int, answer: Any) -> None:
        try:
            waiting[i] = tasks[i].send(answer)
        except StopIteration as end:
            results[i] = end.value

    for i in range(len(tasks)):
        proceed(i, None)
    while waiting:
        asked, waiting = waiting, {}
        for i, answer in zip(asked, evaluate.answers(list(asked.values())), strict=True):
            proceed(i, answer)
    return [results[i] for i in range(len(tasks))]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(SIDE_BY_SIDE, os.cpu_count() or 1), thread_name_prefix="evaluate")


def _compute(asked: Asked) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(a, np.float64) for a in asked.compute())


def _digest(asked: Asked) -> str:
    return hashlib.sha256(asked.at.tobytes()).hexdigest()[:16]
