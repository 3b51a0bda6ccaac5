"""Levenberg-Marquardt: damped Gauss-Newton steps on the waveform residual, for few parameters in few rounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._evaluate import Evaluate, GaussNewton
from .._optimizer import Optimizer, Round
from .._space import Space

TRIES = 6  # dampings tried before a step is given up
EDGE = 1e-9  # closer to a bound than this is on it


@dataclass(frozen=True)
class Descent:
    """Where a descent stands; `model` is None where it has not been asked for yet."""

    u: np.ndarray
    damping: float
    free: np.ndarray | None = None  # the coordinates that move; None means all
    model: GaussNewton | None = None
    stalled: int = 0
    done: bool = False

    @property
    def loss(self) -> float:
        return np.inf if self.model is None else self.model.loss


@dataclass(frozen=True)
class LevenbergMarquardt(Optimizer):
    r"""Solve $(J^T J + \lambda\,\mathrm{diag}\,J^T J)\,\delta = -J^T r$ in the unit cube, a few dozen times.

    The columns of $J$ come by forward-mode differentiation, one pass each, so the cost grows with the number of
    parameters: right for tens, wrong for hundreds. $\lambda$ falls on success and grows on failure; a step is at most
    `longest_step` of any parameter's range; a parameter that a bound holds back leaves the system until its gradient
    turns. Stops at `tolerance`, or when `patience` steps in a row gain less than one part in a thousand.

    Needs a sum-of-squares target (`esr`). Reference: Moré, "The Levenberg-Marquardt algorithm: implementation and
    theory", Numerical Analysis, Springer, 1978.
    """

    damping: Annotated[float, Meta(gt=0.0)] = 1e-2
    longest_step: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.2
    tolerance: Annotated[float, Meta(ge=0.0)] = 1e-12
    patience: Annotated[int, Meta(ge=1)] = 4

    needs_gradient = True

    def init(self, key: Array, space: Space) -> Descent:
        return self.start(space.start)

    def start(self, u: np.ndarray, damping: float | None = None, free: np.ndarray | None = None) -> Descent:
        return Descent(u, self.damping if damping is None else damping, free)

    def step(self, key: Array, evaluate: Evaluate, state: Descent) -> Round:
        state = self.advance(evaluate, state)
        return Round(state, state.done)

    def advance(self, evaluate: Evaluate, state: Descent) -> Descent:
        """One accepted step, or the finding that there is none."""
        model = state.model or evaluate.gauss_newton(state.u, state.free)
        if not model.finite:
            return replace(state, model=model, done=True)
        damping = state.damping
        for _ in range(TRIES):
            trial = np.clip(state.u + self._step(model, state.u, damping, state.free), 0.0, 1.0)
            if evaluate.losses(trial)[0] < model.loss and (after := evaluate.gauss_newton(trial, state.free)).finite:
                break
            damping *= 4.0
        else:
            return replace(state, model=model, done=True)
        stalled = state.stalled + 1 if after.loss > (1.0 - 1e-3) * model.loss else 0
        done = stalled >= self.patience or after.loss <= self.tolerance
        return Descent(trial, max(damping / 4.0, 1e-7), state.free, after, stalled, done)

    def run(self, evaluate: Evaluate, state: Descent, steps: int) -> Descent:
        """At most `steps` steps."""
        for _ in range(steps):
            if state.done:
                break
            state = self.advance(evaluate, state)
        return state

    def _step(self, model: GaussNewton, u: np.ndarray, damping: float, moving: np.ndarray | None) -> np.ndarray:
        held = ((u <= EDGE) & (model.gradient > 0.0)) | ((u >= 1.0 - EDGE) & (model.gradient < 0.0))
        scale = np.sqrt(np.diag(model.curvature))
        scale = scale + 1e-6 * scale.max(initial=0.0) + 1e-30
        free = np.setdiff1d(np.arange(u.size) if moving is None else moving, np.flatnonzero(held))
        system = (model.curvature / np.outer(scale, scale))[np.ix_(free, free)] + damping * np.eye(free.size)
        step = np.zeros_like(u)
        step[free] = -np.linalg.solve(system, (model.gradient / scale)[free]) / scale[free]
        return np.clip(step, -self.longest_step, self.longest_step)
