"""Levenberg-Marquardt: damped Gauss-Newton steps on the waveform residual, for few parameters in few rounds."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._evaluate import Asked, Evaluate, GaussNewton, side_by_side
from .._optimizer import Optimizer, Round
from .._space import Space

TRIES = 6  # dampings tried before a step is given up
UNDAMPED = 1e-9  # what keeps the system of the affine parameters solvable
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
    parameters: right for tens, wrong for hundreds. Weights and mixes, in which a block is affine, are not damped but
    solved for after each step, so that a step follows a curved valley. $\lambda$ falls on success and grows on
    failure; a step is at most `longest_step` of any other parameter's range; a parameter that a bound holds back
    leaves the system until its gradient turns. Stops at `tolerance`, or when `patience` steps in a row gain less than
    one part in a thousand. With `differences` a column that has no derivative, of a black box or of what stands before
    one, is taken by a finite difference, at the same cost.

    Needs a sum-of-squares target (`esr`). References: Moré, "The Levenberg-Marquardt algorithm: implementation and
    theory", Numerical Analysis, Springer, 1978; Ruhe, Wedin, "Algorithms for separable nonlinear least squares
    problems", SIAM Review 22(3), 1980.
    """

    damping: Annotated[float, Meta(gt=0.0)] = 1e-2
    longest_step: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.2
    tolerance: Annotated[float, Meta(ge=0.0)] = 1e-12
    patience: Annotated[int, Meta(ge=1)] = 4
    differences: bool = False

    needs_gradient = True

    def init(self, key: Array, space: Space) -> Descent:
        return self.start(space.start)

    def start(self, u: np.ndarray, damping: float | None = None, free: np.ndarray | None = None) -> Descent:
        return Descent(u, self.damping if damping is None else damping, free)

    def step(self, key: Array, evaluate: Evaluate, state: Descent) -> Round:
        state = self.run(evaluate, state, 1)
        return Round(state, state.done)

    def run(self, evaluate: Evaluate, state: Descent, steps: int) -> Descent:
        """At most `steps` steps."""
        return self.run_all(evaluate, [state], steps)[0]

    def run_all(self, evaluate: Evaluate, states: Sequence[Descent], steps: int) -> list[Descent]:
        """At most `steps` steps of each descent, side by side."""
        return side_by_side(evaluate, [self._running(evaluate, state, steps) for state in states])

    def _running(self, evaluate: Evaluate, state: Descent, steps: int) -> Generator[Asked, Any, Descent]:
        for _ in range(steps):
            if state.done:
                break
            state = yield from self._advanced(evaluate, state)
        return state

    def _advanced(self, evaluate: Evaluate, state: Descent) -> Generator[Asked, Any, Descent]:
        """One accepted step, or the finding that there is none."""
        model = state.model or (yield evaluate.ask_gauss_newton(state.u, state.free, self.differences))
        if not model.finite:
            return replace(state, model=model, done=True)
        damping, affine = state.damping, evaluate.problem.layout.affine
        for tried in range(TRIES):
            step = self._step(model, state.u, damping, state.free, affine, self.longest_step / 2**tried)
            trial = yield from self._solved(evaluate, np.clip(state.u + step, 0.0, 1.0), state.free, affine)
            if (yield evaluate.ask_losses(trial))[0] < model.loss:
                after = yield evaluate.ask_gauss_newton(trial, state.free, self.differences)
                if after.finite:
                    break
            damping *= 4.0
        else:
            return replace(state, model=model, done=True)
        stalled = state.stalled + 1 if after.loss > (1.0 - 1e-3) * model.loss else 0
        done = stalled >= self.patience or after.loss <= self.tolerance
        return Descent(trial, max(damping / 4.0, 1e-7), state.free, after, stalled, done)

    def _solved(
        self, evaluate: Evaluate, u: np.ndarray, moving: np.ndarray | None, affine: np.ndarray
    ) -> Generator[Asked, Any, np.ndarray]:
        """The best weights and mixes given the rest: the residual is nearly linear in them, so a Newton step does."""
        which = np.flatnonzero(affine) if moving is None else moving[affine[moving]]
        if not which.size:
            return u
        model = yield evaluate.ask_gauss_newton(u, which, self.differences)
        if not model.finite:
            return u
        return np.clip(u + self._step(model, u, 0.0, which, affine), 0.0, 1.0)

    def _step(
        self,
        model: GaussNewton,
        u: np.ndarray,
        damping: float,
        moving: np.ndarray | None,
        affine: np.ndarray,
        longest: float = 1.0,
    ) -> np.ndarray:
        held = ((u <= EDGE) & (model.gradient > 0.0)) | ((u >= 1.0 - EDGE) & (model.gradient < 0.0))
        scale = np.sqrt(np.diag(model.curvature))
        scale = scale + 1e-6 * scale.max(initial=0.0) + 1e-30
        free = np.setdiff1d(np.arange(u.size) if moving is None else moving, np.flatnonzero(held))
        system = (model.curvature / np.outer(scale, scale))[np.ix_(free, free)]
        system += np.diag(np.where(affine[free], UNDAMPED, damping))
        step = np.zeros_like(u)
        step[free] = -np.linalg.solve(system, (model.gradient / scale)[free]) / scale[free]
        return np.where(affine, step, np.clip(step, -longest, longest))
