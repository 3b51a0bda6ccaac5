"""What searches are measured on: losses that need no chain, and chains whose settings are hidden."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

import ddsp_lab as dl
from ddsp_lab._evaluate import BudgetSpent, Evaluate
from ddsp_lab._pairs import NO_ALIGNMENT, Pair, Window, problem
from ddsp_lab._parse import parse_optimizer, parse_target
from ddsp_lab._search import Search
from ddsp_lab._separate import Separation

SR = 16_000
NINE = "parametric_eq(bands=2) >> soft_clip >> gain"
ALGORITHMS = ("CMA", "DE", "OnePlusOne", "RandomSearch", "RealSpacePSO", "TBPSA", "TwoPointsDE")


def sphere(us: Any) -> Any:
    return ((us - goal(us)) ** 2).sum(axis=1)


def turned_bowl(us: Any, decades: float = 6.0) -> Any:
    """An ellipsoid, turned: of condition 1e6 unless said otherwise."""
    n = us.shape[1]
    turn = np.linalg.qr(np.random.default_rng(7).standard_normal((n, n)))[0]
    return ((us - goal(us)) @ turn) ** 2 @ np.logspace(0.0, decades, n)


def rosenbrock(us: Any) -> Any:
    z = 3.0 * us - 1.0
    return (100.0 * (z[:, 1:] - z[:, :-1] ** 2) ** 2 + (1.0 - z[:, :-1]) ** 2).sum(axis=1)


def goal(us: Any) -> Any:
    """Where bowls are lowest."""
    return np.random.default_rng(5).uniform(0.3, 0.8, us.shape[1])


FUNCTIONS: dict[str, Callable[[Any], Any]] = {"sphere": sphere, "rosenbrock": rosenbrock, "turned bowl": turned_bowl}


class Analytic(Evaluate):
    """Answers with a function of the points; remembers what it was asked."""

    def __init__(self, loss: Callable[[Any], Any], budget: float):
        target = dl.targets.MultiResolutionStft() + dl.targets.MultiResolutionStft()
        layout = SimpleNamespace(chain=dl.effects.Gain())
        problem: Any = SimpleNamespace(layout=layout, target=target, blind=np.ones(1, bool))  # no gradient anywhere
        super().__init__(problem, budget=budget)
        self.loss = loss
        self.asked: list[np.ndarray] = []

    def _of_each(self, ask: Callable[..., np.ndarray], us: np.ndarray, shape: tuple[int, ...] = ()) -> tuple[Any]:
        """A loss, or itself and two terms that agree about it, as a search of several objectives sees it."""
        self.asked.append(us)
        return (np.broadcast_to(self.loss(us), (*shape, len(us))).T,)


def cube(n: int, levels: tuple[int, ...] = (), categorical: tuple[int, ...] = ()) -> Any:
    """A space of `n` coordinates; the first of them have so many levels, and some of these no order."""
    kinds = (np.pad(np.array(k, int), (0, n - len(k))) for k in (levels, categorical))
    names = [f"x[{i}]" for i in range(n)]
    layout = SimpleNamespace(levels=next(kinds), categorical=next(kinds) > 0, names=names)
    return SimpleNamespace(size=n, start=np.full(n, 0.3), layout=layout)


class Hidden:
    """A chain, and a sound of `seconds` through it at values drawn uniformly in each parameter's own scale."""

    def __init__(self, chain: str, seed: int, target: str = "esr", seconds: float = 0.25):
        self.space, self.target = dl.Space(dl.parse(chain)), target
        self.dry = sound(seconds)
        truth = self.space.sample(jax.random.key(seed))
        self.wet = np.asarray(dl.render(self.space.chain, truth, self.dry, SR))

    def searched(self, optimizer: str, seed: int, budget: int, goal: float = -np.inf) -> Evaluate:
        """A whole search, as a fit runs it; it ends at `goal`."""
        target = parse_target(self.target)
        way = parse_optimizer(optimizer)
        if way.multi_objective and not target.terms().keys() - {self.target}:
            target = 0.5 * target + 0.5 * target  # the same loss, in the two terms that it needs
        pair, window = Pair(self.dry, self.wet, NO_ALIGNMENT), Window(0, 0, self.dry.shape[1])
        separation = Separation(self.space, self.dry, self.wet, SR) if target.least_squares else None
        whole = problem([pair], [window], self.space, target, SR)
        return ended_at(goal, Evaluate(whole, separation, budget), self.space, optimizer, seed)


def ended_at(goal: float, evaluate: Evaluate, space: Any, optimizer: str, seed: int) -> Evaluate:
    """The search, until its budget is spent, it is done, or its best loss is `goal`."""

    def reached(now: Evaluate) -> None:
        if now.best.loss <= goal:
            raise BudgetSpent

    evaluate.watch = reached
    Search(evaluate, space, parse_optimizer(optimizer), seed).run()
    return evaluate


def sound(seconds: float) -> np.ndarray:
    """Bursts of noise of different levels on a fading chord of saws: low and high, loud and soft, still and moving."""
    rng = np.random.default_rng(0)
    t = np.arange(int(seconds * SR)) / SR
    chord = sum((f * t + p) % 1.0 - 0.5 for f, p in zip((110.0, 164.8, 277.2), rng.random(3), strict=True))
    level = np.repeat(rng.uniform(0.2, 1.0, t.size // 1000 + 1), 1000)[: t.size]
    bursts = level * np.exp(-30.0 * (t % 0.0625)) * rng.standard_normal(t.size)
    return (0.1 * np.exp(-4.0 * t) * chord + 0.25 * bursts)[None].clip(-1.0, 1.0).astype(np.float32)
