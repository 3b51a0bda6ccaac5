"""Searches of nevergrad's, behind its ask and tell."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._ask_tell import ask_and_tell
from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._population import generator
from .._space import Space

GENERATION = {"OnePlusOne": 1, "CMA": 16, "RealSpacePSO": 40}  # how many points each asks for at a time
Algorithm = Literal["CMA", "DE", "OnePlusOne", "RandomSearch", "RealSpacePSO", "TBPSA", "TwoPointsDE"]


@dataclass(frozen=True)
class State:
    search: Any
    size: int  # of the space
    generation: int = 0


@dataclass(frozen=True)
class Nevergrad(Optimizer):
    """`nevergrad('CMA')`: a search of that library, whole generations at a time, from the chain's start.

    Listed are those that pass the tests of this library. Left out are those that start a thread which outlives them
    (SQP, NelderMead, Powell, and NGOpt and its kin, which pick them) or that fail on numpy 2.4. `population` is how
    many points are evaluated at a time: 1 for `OnePlusOne`, 16 for `CMA`, 40 for `RealSpacePSO`, 30 else, unless given.

    References: Bennet, Doerr, Moreau, Rapin, Teytaud, Teytaud, "Nevergrad: black-box optimization platform",
    ACM SIGEVOlution 14(1), 2021.
    """

    algorithm: Algorithm = "CMA"
    population: Annotated[int, Meta(ge=1)] | None = None
    generations: Annotated[int, Meta(ge=1)] = 400

    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Any:
        """The algorithm may stand first, without its name."""
        if args and "algorithm" not in kwargs:
            args, kwargs = args[1:], {"algorithm": args[0], **kwargs}
        return super().from_call(args, kwargs)

    @property
    def size(self) -> int:
        return self.population or GENERATION.get(self.algorithm, 30)

    def init(self, key: Array, space: Space) -> State:
        with warnings.catch_warnings(action="ignore"):  # that matplotlib is missing, and that the cube is small
            import nevergrad

            if self.algorithm == "CMA":
                import cma  # noqa: F401 - nevergrad does, but later, when its warning would be heard

            # CMA needs a second parameter: one that changes nothing beside a single one
            start = np.resize(space.start, max(2, space.size))
            cube = nevergrad.p.Array(init=start)
            cube.random_state = np.random.RandomState(generator(key).integers(2**32))
            cube.set_bounds(0.0, 1.0)
            return State(nevergrad.optimizers.registry[self.algorithm](cube, num_workers=self.size), space.size)

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        search = state.search
        ask_and_tell(evaluate, self.size, search.ask, lambda candidate: candidate.value[: state.size], search.tell)
        after = replace(state, generation=state.generation + 1)
        return Round(after, after.generation >= self.generations)
