"""Optimizers: `init` and `step`, in the manner of optax and blackjax."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Array

from ._evaluate import Evaluate
from ._expression import call_text
from ._registry import Registered
from ._space import Space


class Round(NamedTuple):
    """What came of a step: the state after it, whether another would be of use, and the point that the search stands
    by, where that is not simply the one of least loss."""

    state: Any
    done: bool
    answer: np.ndarray | None = None


@dataclass(frozen=True)
class Optimizer(Registered, abc.ABC):
    """A search over the unit cube; a frozen dataclass of settings.

    An optimizer never sees audio. It asks `evaluate` for losses, gradients or Gauss-Newton models at points it
    chooses; the fit keeps the best of everything evaluated, counts, journals and stops. The same key and the same
    answers must give the same questions: that is how a killed run resumes.

    `parallel` says that it asks about whole generations, which many processors can share; `handles_settings` that it
    takes steps in what has no neighbours, such as the settings of blocks; `multi_objective` that it keeps apart what
    others add up, which takes two terms or more.
    """

    needs_gradient: ClassVar[bool] = False
    handles_settings: ClassVar[bool] = False
    parallel: ClassVar[bool] = False
    multi_objective: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.check_settings()

    @abc.abstractmethod
    def init(self, key: Array, space: Space) -> Any:
        """The state before the first step. A search starts at `space.start`."""

    @abc.abstractmethod
    def step(self, key: Array, evaluate: Evaluate, state: Any) -> Round:
        """One round."""

    def __str__(self) -> str:
        return call_text(self.name, self.changed_settings())
