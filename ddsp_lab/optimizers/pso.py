"""Particle swarm: points that fly towards what they and some of the others have found."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._population import collapsed, first_generation, generator
from .._space import Space

INERTIA = 1.0 / (2.0 * log(2.0))
ATTRACTION = 0.5 + log(2.0)
INFORMED = 3  # others that each particle tells of its best


@dataclass(frozen=True)
class State:
    u: np.ndarray  # (population, n)
    velocity: np.ndarray
    best: np.ndarray  # where each particle has been best
    losses: np.ndarray  # there
    informs: np.ndarray | None = None  # (population, INFORMED): whom each tells; None: to be drawn
    generation: int = 0


@dataclass(frozen=True)
class Pso(Optimizer):
    """Standard particle swarm 2011, all particles moved at once.

    A particle at $x$ knows its own best $p$ and the best $l$ of its informants: three that each particle picks at
    random, anew after a generation that improved on nothing. With $g$ the mean of $x$, $x + c(p - x)$ and
    $x + c(l - x)$, it draws $x'$ from the ball about $g$ that has $x$ on its sphere, and

    $$ v \\leftarrow w v + x' - x, \\qquad x \\leftarrow x + v $$

    with $w = 1/(2 \\ln 2)$ and $c = 1/2 + \\ln 2$. The ball makes the search indifferent to rotations, which a draw in
    each coordinate is not. Beyond a bound a particle is put onto it and half of its speed turned round: an optimum on
    the bound is met exactly, and one within is not lost. `population` is $10 + 2 \\sqrt n$ unless given. Ends after
    `generations`, or once all bests have come together.

    References: Kennedy, Eberhart, "Particle swarm optimization", IEEE Int. Conf. Neural Networks, 1995; Clerc, Kennedy,
    "The particle swarm: explosion, stability, and convergence in a multidimensional complex space", IEEE Trans.
    Evolutionary Computation 6(1), 2002; Zambrano-Bigiarini, Clerc, Rojas, "Standard particle swarm optimisation 2011 at
    CEC-2013: a baseline for future PSO improvements", IEEE Congress on Evolutionary Computation, 2013.
    """

    population: Annotated[int, Meta(ge=2)] | None = None
    generations: Annotated[int, Meta(ge=1)] = 400

    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        u = first_generation(key, space, self.population or int(10 + 2 * sqrt(space.size)))
        away = generator(key).spawn(1)[0].random(u.shape)
        return State(u, away - u, u, np.full(len(u), np.inf))

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        losses = evaluate.generation(state.u)
        better = losses < state.losses
        best = np.where(better[:, None], state.u, state.best)
        lowest = np.minimum(losses, state.losses)
        random = generator(key)
        count, informs = len(lowest), state.informs
        if informs is None or not lowest.min() < state.losses.min():
            informs = random.integers(count, size=(count, INFORMED))
        worst_first = np.argsort(lowest, kind="stable")[::-1]
        leader = np.empty(count, int)
        heard = np.column_stack([worst_first, informs[worst_first]])  # each tells itself too
        leader[heard.ravel()] = np.repeat(worst_first, heard.shape[1])  # of several, the last and best is heard
        leader = np.where(np.isfinite(lowest[leader]), leader, np.arange(count))
        u, velocity = self._moved(random, state, best, leader)
        generation = state.generation + 1
        done = generation >= self.generations or collapsed(best)
        return Round(State(u, velocity, best, lowest, informs, generation), done)

    def _moved(
        self, random: np.random.Generator, state: State, best: np.ndarray, leader: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where the particles are next, and how fast."""
        own, others = (ATTRACTION * (to - state.u) for to in (best, best[leader]))
        leads = (leader == np.arange(len(leader)))[:, None]
        centre = np.where(leads, own / 2.0, (own + others) / 3.0)  # seen from the particle
        ray = random.standard_normal(centre.shape)
        ray *= random.random((len(ray), 1)) / np.linalg.norm(ray, axis=1, keepdims=True)
        velocity = INERTIA * state.velocity + centre + np.linalg.norm(centre, axis=1, keepdims=True) * ray
        u = np.clip(state.u + velocity, 0.0, 1.0)
        return u, np.where(u == state.u + velocity, velocity, -0.5 * velocity)
