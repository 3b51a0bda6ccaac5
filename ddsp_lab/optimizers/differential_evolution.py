"""Differential evolution: steps taken from the differences between points of the population."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._population import collapsed, first_generation, generator
from .._space import Space

FACTOR, CROSSOVER = 0.5, 0.9  # of the plain strategy
LEARNING = 0.1  # how fast the means of the adaptive one follow
ELITE = 0.1


@dataclass(frozen=True)
class State:
    u: np.ndarray  # (population, n)
    losses: np.ndarray
    given_up: np.ndarray  # parents that a better child has replaced
    factor: float = 0.5
    crossover: float = 0.5
    generation: int = 0


@dataclass(frozen=True)
class DifferentialEvolution(Optimizer):
    """Each point makes a child, which replaces it if it is no worse.

    `rand_1_bin` mutates to $x_a + F (x_b - x_c)$ with $F = 0.5$ and takes each coordinate from it with probability
    $C = 0.9$. `current_to_pbest`, which is JADE, mutates to $x + F (x_p - x) + F (x_a - x_b)$, where $x_p$ is among
    the best tenth and $x_b$ may be a parent given up earlier; each child draws its own $F$ and $C$, about means that
    follow those of the children that were better. Beyond a bound a coordinate comes to lie halfway between the bound
    and its parent, so that the differences do not die out there. `population` is $10 + n$, at least 20, unless given.
    Ends after `generations`, or once the population has come together.

    References: Storn, Price, "Differential evolution - a simple and efficient heuristic for global optimization over
    continuous spaces", J. Global Optimization 11, 1997; Zhang, Sanderson, "JADE: adaptive differential evolution with
    optional external archive", IEEE Trans. Evolutionary Computation 13(5), 2009.
    """

    population: Annotated[int, Meta(ge=4)] | None = None
    generations: Annotated[int, Meta(ge=1)] = 300
    strategy: Literal["current_to_pbest", "rand_1_bin"] = "current_to_pbest"

    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        size = self.population or max(20, 10 + space.size)
        return State(first_generation(key, space, size), np.full(size, np.inf), np.zeros((0, space.size)))

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        if not state.generation:
            return Round(replace(state, losses=evaluate.generation(state.u), generation=1), self.generations == 1)
        random = generator(key)
        count, n = state.u.shape
        adaptive = self.strategy == "current_to_pbest"
        if adaptive:
            factor = _positive_cauchy(random, state.factor, count)[:, None]
            crossover = np.clip(random.normal(state.crossover, 0.1, count), 0.0, 1.0)[:, None]
            mutant = self._towards_the_best(random, state, factor)
        else:
            factor, crossover = np.full((count, 1), FACTOR), np.full((count, 1), CROSSOVER)
            a, b, c = _others(random, count, 3)
            mutant = state.u[a] + factor * (state.u[b] - state.u[c])
        mutant = np.where(mutant < 0.0, 0.5 * state.u, np.where(mutant > 1.0, 0.5 * (1.0 + state.u), mutant))
        taken = random.random((count, n)) < crossover
        taken[np.arange(count), random.integers(n, size=count)] = True
        children = np.where(taken, mutant, state.u)
        losses = evaluate.generation(children)
        kept, better = losses <= state.losses, losses < state.losses
        given_up = random.permutation(np.concatenate([state.given_up, state.u[better]]))[:count]
        after = State(
            np.where(kept[:, None], children, state.u),
            np.minimum(losses, state.losses),
            given_up,
            state.factor,
            state.crossover,
            state.generation + 1,
        )
        if adaptive and better.any():
            f, c = factor[better], crossover[better]
            mean_f, mean_c = (f**2).sum() / f.sum(), c.mean()  # Lehmer's mean: long steps count for more
            after = replace(
                after,
                factor=(1.0 - LEARNING) * state.factor + LEARNING * mean_f,
                crossover=(1.0 - LEARNING) * state.crossover + LEARNING * mean_c,
            )
        return Round(after, after.generation >= self.generations or collapsed(after.u))

    def _towards_the_best(self, random: np.random.Generator, state: State, factor: np.ndarray) -> np.ndarray:
        count = len(state.u)
        ranked = np.argsort(state.losses)[: max(2, round(ELITE * count))]
        best = state.u[random.choice(ranked, count)]
        pool = np.concatenate([state.u, state.given_up])
        a, b = _others(random, count, 2)
        archived = random.integers(len(pool), size=count)
        b = np.where(archived < count, b, archived)
        return state.u + factor * (best - state.u + state.u[a] - pool[b])


def _others(random: np.random.Generator, count: int, how_many: int) -> np.ndarray:
    """For each point, others, all of them different: `(how_many, count)`."""
    chosen = np.arange(count)[None]
    for left in range(count - 1, count - 1 - how_many, -1):
        drawn = random.integers(left, size=count)
        for taken in np.sort(chosen, axis=0):
            drawn += drawn >= taken
        chosen = np.concatenate([chosen, drawn[None]])
    return chosen[1:]


def _positive_cauchy(random: np.random.Generator, centre: float, count: int) -> np.ndarray:
    """Draws of scale 0.1, cut to 1 above and drawn again where they are not positive."""
    drawn = np.zeros(count)
    while (low := drawn <= 0.0).any():
        drawn[low] = centre + 0.1 * random.standard_cauchy(int(low.sum()))
    return np.minimum(drawn, 1.0)
