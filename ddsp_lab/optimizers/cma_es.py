"""CMA-ES: a normal distribution that learns the shape of the loss; the first choice where there is no gradient."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._population import NARROW, generator
from .._space import Space
from ._cma_constants import constants
from ._cma_margin import with_margin

FULL = 100  # parameters up to which all covariances are learnt; beyond, variances alone
STALLED = 1e-3  # the share of the loss that a stretch of generations has to gain
TOO_LONG = 1e7  # an axis, in units of the shortest one: float64 would lose it


@dataclass(frozen=True)
class State:
    mean: np.ndarray  # outside the cube too: the loss there is that of the mirror image
    sigma: float
    covariance: np.ndarray  # (n, n), or its diagonal (n,)
    path: np.ndarray  # of the mean
    white_path: np.ndarray  # the same, seen where the distribution is round
    population: int
    levels: np.ndarray  # of each coordinate; 0 where it is continuous
    restarts: int = 0
    generation: int = 0
    lowest: tuple[float, ...] = ()  # of each generation since the restart


@dataclass(frozen=True)
class CmaEs(Optimizer):
    """Draws $x_i = m + \\sigma\\,\\mathcal N(0, C)$, moves $m$ to the weighted mean of the better half, and learns
    $\\sigma$ from the length of the path that $m$ takes, $C$ from that path and from all steps, the worse with negative
    weights. Up to 100 parameters $C$ is full, its diagonal beyond. Only the ranks of losses count.

    The cube is unfolded by mirrors: $x$ is evaluated at $1 - |1 - (x \\bmod 2)|$. That needs no penalty to be tuned,
    and an optimum on a bound is an ordinary optimum. The search starts at the chain's start with $\\sigma$ = `sigma`
    and $8 + 3 \\ln n$ points, unless `population` says otherwise. Once it stalls or has collapsed, it starts again from
    a random point with twice the population, `restarts` times at most; it ends after `generations` in all. Discrete
    coordinates keep a margin (`_cma_margin.py`).

    References: Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772, 2016; Ros, Hansen, "A simple
    modification in CMA-ES achieving linear time and space complexity", PPSN X, 2008; Auger, Hansen, "A restart CMA
    evolution strategy with increasing population size", IEEE Congress on Evolutionary Computation, 2005.
    """

    population: Annotated[int, Meta(ge=4)] | None = None
    generations: Annotated[int, Meta(ge=1)] = 500
    sigma: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.2
    restarts: Annotated[int, Meta(ge=0)] = 4

    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        return self._fresh(space.start, self.population or 8 + int(3 * log(space.size)), space.layout.levels)

    def _fresh(
        self, mean: np.ndarray, population: int, levels: np.ndarray, restarts: int = 0, generation: int = 0
    ) -> State:
        n = mean.size
        covariance = np.eye(n) if n <= FULL else np.ones(n)
        return State(mean, self.sigma, covariance, np.zeros(n), np.zeros(n), population, levels, restarts, generation)

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        random, n = generator(key), state.mean.size
        axes, lengths = _axes(state.covariance)
        steps = random.standard_normal((state.population, n)) * lengths @ axes.T
        losses = evaluate.generation(1.0 - np.abs(1.0 - (state.mean + state.sigma * steps) % 2.0))
        after = self._learnt(state, steps[np.argsort(losses, kind="stable")], axes, lengths, float(losses.min()))
        if _over(after):
            if state.restarts >= self.restarts:
                return Round(after, True)
            again = state.restarts + 1, after.generation
            after = self._fresh(random.random(n), 2 * state.population, state.levels, *again)
        return Round(after, after.generation >= self.generations)

    def _learnt(self, state: State, steps: np.ndarray, axes: np.ndarray, lengths: np.ndarray, lowest: float) -> State:
        """The distribution after a generation, whose `steps` stand from the best to the worst."""
        n, c = state.mean.size, constants(state.population, state.mean.size, state.covariance.ndim == 1)
        move = np.clip(c.weights, 0.0, None) @ steps
        memory = sqrt(c.c_sigma * (2.0 - c.c_sigma) * c.mu)
        white_path = (1.0 - c.c_sigma) * state.white_path + memory * axes @ (axes.T @ move / lengths)
        usual = sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n))
        length = float(np.linalg.norm(white_path)) / usual
        settled = sqrt(1.0 - (1.0 - c.c_sigma) ** (2 * len(state.lowest) + 2))
        short = length < (1.4 + 2.0 / (n + 1.0)) * settled  # a path that is too long would stretch C along it
        path = (1.0 - c.c_path) * state.path + short * sqrt(c.c_path * (2.0 - c.c_path) * c.mu) * move
        far = np.sum((steps @ axes / lengths) ** 2, axis=1)
        weights = np.where(c.weights < 0.0, c.weights * n / np.maximum(far, 1e-12), c.weights)
        kept = 1.0 + c.c_1 * (not short) * c.c_path * (2.0 - c.c_path) - c.c_1 - c.c_mu * c.weights.sum()
        if state.covariance.ndim == 1:
            covariance = kept * state.covariance + c.c_1 * path**2 + c.c_mu * weights @ steps**2
        else:
            covariance = kept * state.covariance + c.c_1 * np.outer(path, path) + c.c_mu * (weights * steps.T) @ steps
        sigma = state.sigma * np.exp(min(1.0, c.c_sigma / c.damping * (length - 1.0)))
        mean, seen = state.mean + state.sigma * move, (*state.lowest, lowest)
        covariance = with_margin(covariance, mean, float(sigma), state.levels, state.population)
        counts = state.population, state.levels, state.restarts, state.generation + 1
        return State(mean, float(sigma), covariance, path, white_path, *counts, seen)


def _axes(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The main axes as columns, and their lengths."""
    if covariance.ndim == 1:
        return np.eye(covariance.size), np.sqrt(np.maximum(covariance, 1e-30))
    squares, axes = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return axes, np.sqrt(np.maximum(squares, 1e-30))


def _over(state: State) -> bool:
    """Whether the distribution has collapsed, degenerated or long gained nothing."""
    lengths = state.sigma * _axes(state.covariance)[1]
    variances = state.covariance if state.covariance.ndim == 1 else np.diag(state.covariance)
    widest = state.sigma * np.sqrt(variances[state.levels == 0].max(initial=0.0))  # the rest keeps its margin
    collapsed = widest < NARROW and not state.levels.all()
    stretch = 20 + 60 * state.mean.size // state.population
    recent, before = min(state.lowest[-stretch:]), min(state.lowest[:-stretch], default=np.inf)
    stalled = len(state.lowest) > stretch and not recent < (1.0 - STALLED) * before
    return bool(collapsed or lengths.max() > TOO_LONG * lengths.min() or stalled)
