"""NSGA-II: not one best point but a front of them, each of which gives up something for something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._cost import ops_as_chosen
from .._errors import FitError
from .._evaluate import Evaluate
from .._front import best_first
from .._optimizer import Optimizer, Round
from .._population import collapsed, first_generation, generator
from .._space import Space
from ._genes import Genes, Points

CROSSED = 0.9  # of the pairs of parents
COST = "ops_per_sample"


@dataclass(frozen=True)
class State:
    us: np.ndarray  # (population, n), the better the earlier
    space: Space
    objectives: np.ndarray | None = None
    generation: int = 0


@dataclass(frozen=True)
class Nsga2(Optimizer):
    r"""Keeps the terms of a target apart, and with `cost` the chain's operations a sample, which its choices decide.

    Parents win tournaments of two by rank, then by room: rank 0 holds the points that no other is nowhere worse and
    somewhere better than, and a point has room where its neighbours in the objectives stand far from it. Children
    $\frac12((1 \pm \beta) a + (1 \mp \beta) b)$ spread about their parents as `crossover` ($\eta$) says,
    $\beta = (2r)^{1/(\eta+1)}$ or $(2 - 2r)^{-1/(\eta+1)}$ for $r$ uniform below or above a half; one coordinate in
    $n$, and one in each child, then moves by a polynomial step with `mutation` as its $\eta$. (The paper's 20 keeps
    steps so short that a few thousand evaluations do not reach a front.) Whole numbers move by one at least, categories
    are either parent's or any other. Of parents and children the first half in rank and room go on.

    With a single term the cost is the second objective, and needs a `one_of` in the chain. The fit's own answer is the
    point of least weighted loss; a prior counts there and in no objective. `FitResult.front` holds the others. Ends
    after `generations`, or once the population has come together.

    References: Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
    Trans. Evolutionary Computation 6(2), 2002; Deb, Agrawal, "Simulated binary crossover for continuous search space",
    Complex Systems 9, 1995.
    """

    population: Annotated[int, Meta(ge=4)] = 30
    generations: Annotated[int, Meta(ge=1)] = 300
    cost: bool = False
    crossover: Annotated[float, Meta(gt=0.0)] = 15.0
    mutation: Annotated[float, Meta(gt=0.0)] = 5.0

    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True
    multi_objective: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        return State(Genes.of(space.layout).settled(first_generation(key, space, self.population)), space)

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        random, us, us_before, before = generator(key), state.us, state.us[:0], state.objectives
        if before is not None:
            us, us_before = self._children(random, Genes.of(state.space.layout), us), us
        found = evaluate.generation(us, lambda us: evaluate.terms(us, self._beside(evaluate, state.space, us)))
        us, found = np.concatenate([us_before, us]), found if before is None else np.concatenate([before, found])
        kept = best_first(found)[: self.population]
        after = State(us[kept], state.space, found[kept], state.generation + 1)
        return Round(after, after.generation >= self.generations or collapsed(after.us))

    def _beside(self, evaluate: Evaluate, space: Space, us: Points) -> dict[str, np.ndarray]:
        """The objectives that are no terms of the target."""
        if not self.cost and evaluate.objectives[1:]:
            return {}
        if not space.layout.categorical.any():
            raise FitError(
                "fit-single-objective",
                f"{space.chain} leaves no choice: its cost is always the same, and no second objective.",
                "Add a term to the target, or a one_of to the chain.",
            )
        return {COST: np.array([ops_as_chosen(space, u) for u in us])}

    def _children(self, random: np.random.Generator, genes: Genes, us: Points) -> Points:
        """As many children as there are parents."""
        count, n = us.shape
        one, other = us[random.integers(count, size=(2, 2, -(-count // 2))).min(axis=0)]  # the earlier wins
        r = random.random(one.shape)
        spread = np.where(r < 0.5, 2.0 * r, 0.5 / (1.0 - r)) ** (1.0 / (self.crossover + 1.0))
        crossed = (random.random(len(one)) < CROSSED)[:, None] & (random.random(one.shape) < 0.5)
        apart = 0.5 * np.where(crossed, spread - 1.0, 0.0) * (one - other)
        pairs = [
            genes.crossed(random, a, b, np.clip(c, 0.0, 1.0))
            for a, b, c in ((one, other, one + apart), (other, one, other - apart))
        ]
        children = np.concatenate(pairs)[:count]
        hit = random.random(us.shape) < 1.0 / n
        hit[np.arange(count), random.integers(n, size=count)] = True
        return genes.mutated(random, children, hit, self._moved(random, children))

    def _moved(self, random: np.random.Generator, us: Points) -> Points:
        """Polynomial steps that end at the bounds."""
        r, power = random.random(us.shape), self.mutation + 1.0
        down = (2.0 * r + (1.0 - 2.0 * r) * (1.0 - us) ** power) ** (1.0 / power) - 1.0
        up = 1.0 - (2.0 * (1.0 - r) + (2.0 * r - 1.0) * us**power) ** (1.0 / power)
        return np.clip(us + np.where(r < 0.5, down, up), 0.0, 1.0)
