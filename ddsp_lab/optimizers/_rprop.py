"""Descents by the signs of gradients, where the loss is no sum of squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .._evaluate import Evaluate

FIRST, LONGEST, SHORTEST = 0.02, 0.1, 1e-6  # steps, in ranges
GROWS, SHRINKS = 1.2, 0.5


@dataclass(frozen=True)
class Sign:
    """Where a descent by signs stands; `loss` is the least on its way, at `u`."""

    u: np.ndarray
    at: np.ndarray
    steps: np.ndarray
    slopes: np.ndarray
    loss: float = np.inf


@dataclass(frozen=True)
class Rprop:
    """Each coordinate has a step of its own, which grows while its slope keeps its sign and shrinks when that turns.

    Coordinates without a gradient have slope 0 and stay. All descents go in one compiled program.

    Reference: Igel, Hüsken, "Improving the Rprop learning algorithm", Symposium on Neural Computation, 2000.
    """

    def start(self, u: np.ndarray, free: np.ndarray | None = None) -> Sign:
        return Sign(u, u, np.full(u.size, FIRST), np.zeros(u.size))

    def run_all(self, evaluate: Evaluate, states: Sequence[Sign], steps: int) -> list[Sign]:
        """That many steps of each descent, side by side."""
        states = list(states)
        for _ in range(steps if states else 0):
            losses, slopes = evaluate.values_and_gradients(np.stack([s.at for s in states]), partly=True)
            states = [self._moved(s, loss, slope) for s, loss, slope in zip(states, losses, slopes, strict=True)]
        return states

    def _moved(self, state: Sign, loss: float, slopes: np.ndarray) -> Sign:
        if loss < state.loss:
            state = replace(state, u=state.at, loss=float(loss))
        slopes = np.where(np.isfinite(slopes), slopes, 0.0)
        kept = np.sign(slopes) * np.sign(state.slopes)
        steps = state.steps * np.where(kept > 0.0, GROWS, np.where(kept < 0.0, SHRINKS, 1.0))
        steps = np.clip(steps, SHORTEST, LONGEST)
        slopes = np.where(kept < 0.0, 0.0, slopes)  # a turned coordinate rests for one step
        return replace(state, at=np.clip(state.at - steps * np.sign(slopes), 0.0, 1.0), steps=steps, slopes=slopes)
