"""PyGAD's genetic algorithm, with operators that suit a cube of real numbers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._ask_tell import told
from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._population import collapsed, first_generation, generator
from .._space import Space
from ._genes import Genes

ELITE = 2  # the best that live on
WIDTHS = (0.001, 0.3)  # of mutations
MUTED = logging.getLogger(__name__)
MUTED.addHandler(logging.NullHandler())
MUTED.propagate = False


@dataclass(frozen=True)
class State:
    population: np.ndarray
    search: Any
    known: dict[bytes, float]  # fitness of the population, by point


@dataclass(frozen=True)
class Pygad(Optimizer):
    """Generations of `population` points: parents by tournaments, children between and a little beyond two of them
    (BLX-$\\alpha$: each coordinate uniform in the interval that `blend` times its length extends on either side), then
    normal steps in some coordinates.

    A coordinate mutates with probability `mutation`, and one in each child does; the width is a child's own, drawn
    evenly in its logarithm from 0.001 to 0.3 of the range, so that a search may end at any time and end finely. Beyond
    a bound a coordinate is reflected. A whole number mutates by one at least; a category is either parent's, and
    mutates to any other. The best two live on. Ends after `generations`, or once the population has come together.

    References: Eshelman, Schaffer, "Real-coded genetic algorithms and interval-schemata", Foundations of Genetic
    Algorithms 2, 1993; Gad, "PyGAD: an intuitive genetic algorithm Python library", Multimedia Tools and Applications
    83, 2024.
    """

    population: Annotated[int, Meta(ge=4)] = 30
    generations: Annotated[int, Meta(ge=1)] = 300
    blend: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    mutation: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.05

    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        import pygad

        genes = Genes.of(space.layout)
        first = genes.settled(first_generation(key, space, self.population))
        operators: Any = {
            "crossover_type": partial(self._crossed, genes),
            "mutation_type": partial(self._mutated, genes),
        }
        search = pygad.GA(
            num_generations=1,
            initial_population=first,
            gene_type=float,
            gene_space={"low": 0.0, "high": 1.0},
            num_parents_mating=max(2, self.population // 2),
            parent_selection_type="tournament",
            keep_elitism=ELITE,
            **operators,
            fitness_func=_unset,
            fitness_batch_size=self.population,
            random_seed=int(generator(key).spawn(1)[0].integers(2**32)),
            suppress_warnings=True,
            logger=MUTED,
        )
        return State(first, search, {})

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        known = dict(state.known)

        def fitness(_: Any, us: np.ndarray, __: Any) -> list[float]:
            new = [u for u in us if u.tobytes() not in known]  # each run of pygad's begins with the last one's end
            if new:
                known.update(zip((u.tobytes() for u in new), -told(evaluate.generation(np.stack(new))), strict=True))
            return [float(known[u.tobytes()]) for u in us]

        search = state.search
        search.fitness_func = fitness
        search.run()
        us = np.array(search.population, np.float64)
        done = search.generations_completed >= self.generations or collapsed(us)
        return Round(State(us, search, {u.tobytes(): known[u.tobytes()] for u in us}), done)

    def _crossed(self, genes: Genes, parents: np.ndarray, shape: tuple[int, int], search: Any) -> np.ndarray:
        random = search.numpy_random_generator
        one, other = (parents[random.randint(len(parents), size=shape[0])] for _ in range(2))
        between = one + (other - one) * random.uniform(-self.blend, 1.0 + self.blend, shape)
        return genes.crossed(random, one, other, between)

    def _mutated(self, genes: Genes, children: np.ndarray, search: Any) -> np.ndarray:
        random = search.numpy_random_generator
        count, n = children.shape
        hit = random.uniform(size=(count, n)) < self.mutation
        hit[np.arange(count), random.randint(n, size=count)] = True
        width = np.exp(random.uniform(*np.log(WIDTHS), (count, 1)))
        moved = children + hit * width * random.standard_normal((count, n))
        return genes.mutated(random, _reflected(children), hit, _reflected(moved))


def _reflected(us: np.ndarray) -> np.ndarray:
    return 1.0 - np.abs(1.0 - us % 2.0)


def _unset(search: Any, us: np.ndarray, indices: Any) -> list[float]:
    """Holds the place of the fitness, which each step brings with it."""
    raise NotImplementedError
