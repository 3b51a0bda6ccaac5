"""Random search: the yardstick of every other search, and a look at what a target is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from jaxtyping import Array
from msgspec import Meta

from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._population import generator
from .._space import Space


@dataclass(frozen=True)
class State:
    size: int
    generation: int = 0


@dataclass(frozen=True)
class RandomSearch(Optimizer):
    """Points drawn uniformly from the unit cube, `population` at a time, `generations` times.

    It beats a grid of as many points wherever only some of the parameters matter.

    References: Bergstra, Bengio, "Random search for hyper-parameter optimization", J. Machine Learning Research 13,
    2012.
    """

    population: Annotated[int, Meta(ge=1)] = 32
    generations: Annotated[int, Meta(ge=1)] = 200

    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        return State(space.size)

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        evaluate.generation(generator(key).random((self.population, state.size)))
        return Round(State(state.size, state.generation + 1), state.generation + 1 >= self.generations)
