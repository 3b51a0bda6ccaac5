"""L-BFGS: quasi-Newton descent within bounds, for tens to hundreds of parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._awake import awake
from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._space import Space

FIRST = 0.05  # of the cube's width: how far to go while nothing is known of the curvature
HALVINGS = 20
SUFFICIENT = 1e-4  # Armijo's share of the decrease that the slope promises
EDGE = 1e-9  # closer to a bound than this is on it


@dataclass(frozen=True)
class State:
    u: np.ndarray
    loss: float = np.inf
    gradient: np.ndarray | None = None
    pairs: tuple[tuple[np.ndarray, np.ndarray], ...] = ()  # (step, change of gradient), newest last
    stalled: int = 0


@dataclass(frozen=True)
class Lbfgs(Optimizer):
    """Limited-memory BFGS on the logarithm of the loss, steps projected onto the unit cube.

    The logarithm makes a tenfold improvement worth the same at every level. Coordinates that a bound holds back leave
    the direction until their gradient turns. The line search halves until Armijo's condition holds. Stops after
    `patience` steps that gain less than one part in ten thousand.

    References: Liu, Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
    Programming 45, 1989; Bertsekas, "Projected Newton methods for optimization problems with simple constraints",
    SIAM J. Control and Optimization 20(2), 1982.
    """

    memory: Annotated[int, Meta(ge=1)] = 20
    patience: Annotated[int, Meta(ge=1)] = 10

    needs_gradient = True

    def init(self, key: Array, space: Space) -> State:
        return State(space.start)

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        if state.gradient is None:
            points, losses, gradients = awake(evaluate, state.u[None], key)
            loss, gradient = _log(losses, gradients)
            return Round(replace(state, u=points[0], loss=loss, gradient=gradient), not np.isfinite(loss))
        held = ((state.u <= EDGE) & (state.gradient > 0.0)) | ((state.u >= 1.0 - EDGE) & (state.gradient < 0.0))
        direction = np.where(held, 0.0, -self._inverse_hessian(np.where(held, 0.0, state.gradient), state))
        if direction @ state.gradient >= 0.0:
            direction = np.where(held, 0.0, -state.gradient)
        length = 1.0 if state.pairs else FIRST / (np.abs(direction).max() + 1e-30)
        for _ in range(HALVINGS):
            trial = np.clip(state.u + length * direction, 0.0, 1.0)
            loss, gradient = _log(*evaluate.values_and_gradients(trial))
            if loss <= state.loss + SUFFICIENT * (state.gradient @ (trial - state.u)) and np.isfinite(gradient).all():
                break
            length *= 0.5
        else:
            # the curvature it remembers may be at fault: once more from the gradient alone
            return Round(
                replace(state, pairs=(), stalled=state.stalled + self.patience * (not state.pairs)), not state.pairs
            )
        s, y = trial - state.u, gradient - state.gradient
        pairs = (*state.pairs, (s, y))[-self.memory :] if s @ y > 1e-10 * np.sqrt((s @ s) * (y @ y)) else state.pairs
        stalled = state.stalled + 1 if state.loss - loss < 1e-4 else 0
        return Round(State(trial, loss, gradient, pairs, stalled), stalled >= self.patience)

    def _inverse_hessian(self, g: np.ndarray, state: State) -> np.ndarray:
        """The two-loop recursion."""
        q, alphas = g.copy(), []
        for s, y in reversed(state.pairs):
            alphas.append((s @ q) / (s @ y))
            q = q - alphas[-1] * y
        if state.pairs:
            s, y = state.pairs[-1]
            q = q * (s @ y) / (y @ y)
        for (s, y), alpha in zip(state.pairs, reversed(alphas), strict=True):
            q = q + (alpha - (y @ q) / (s @ y)) * s
        return q


def _log(losses: np.ndarray, gradients: np.ndarray) -> tuple[float, np.ndarray]:
    """The logarithm of the loss at one point, and its gradient."""
    loss = float(losses[0]) + 1e-30
    return float(np.log(loss)), gradients[0] / loss
