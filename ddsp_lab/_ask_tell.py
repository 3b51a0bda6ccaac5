"""Searches from other libraries that are asked for points and told of losses, a generation at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ._evaluate import Evaluate

HOPELESS = 1e9  # what libraries are told of a loss that is not finite: most fail on infinity

T = TypeVar("T")


def told(losses: np.ndarray) -> np.ndarray:
    """Losses that any library can compute with."""
    return np.where(np.isfinite(losses), np.minimum(losses, HOPELESS), HOPELESS)


def ask_and_tell(
    evaluate: Evaluate,
    size: int,
    ask: Callable[[], T],
    point: Callable[[T], Any],
    tell: Callable[[T, float], Any],
) -> None:
    """One generation: `size` candidates asked for, evaluated in one call, and told of in the order they were asked for.

    `point` is where in the unit cube a candidate stands.
    """
    asked = [ask() for _ in range(size)]
    us = np.clip([np.asarray(point(candidate), np.float64) for candidate in asked], 0.0, 1.0)
    for candidate, loss in zip(asked, told(evaluate.generation(us)), strict=True):
        tell(candidate, float(loss))
