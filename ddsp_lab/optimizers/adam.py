"""Adam: first-order descent, for many parameters and for targets that are no sum of squares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._awake import awake
from .._errors import ExpressionError
from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._space import Space


@dataclass(frozen=True)
class State:
    u: np.ndarray  # (starts, n)
    safe: np.ndarray  # where the gradient was last finite
    moments: Any
    step: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam in the unit cube, projected onto it after each step; `starts` descents in one vmapped program.

    The first descent begins at the chain's start, the others at random points: the lowest of as many `scouts`, where
    those are more, which have cost an evaluation each. Where a gradient is not finite, the
    descent goes half of the way back to where it last was, and keeps its moments (`State.skipped` counts these steps).

    References: Kingma, Ba, "Adam: a method for stochastic optimization", ICLR, 2015; Loshchilov, Hutter, "SGDR:
    stochastic gradient descent with warm restarts", ICLR, 2017 (the cosine schedule).
    """

    steps: Annotated[int, Meta(ge=1)] = 1000
    learning_rate: Annotated[float, Meta(gt=0.0)] = 0.02
    starts: Annotated[int, Meta(ge=1)] = 1
    scouts: Annotated[int, Meta(ge=0)] = 0
    schedule: Literal["cosine", "constant"] = "cosine"

    needs_gradient = True

    def check_settings(self) -> None:
        super().check_settings()
        if self.scouts and self.starts == 1:
            raise ExpressionError("bad-setting", "scouts look for starts, and there is one.", "Write starts=4 too.")

    def _transform(self) -> Any:
        import optax

        if self.schedule == "constant":
            return optax.adam(self.learning_rate)
        warm = max(1, self.steps // 20)
        rate = optax.warmup_cosine_decay_schedule(
            0.1 * self.learning_rate, self.learning_rate, warm, max(self.steps, warm + 1), 0.01 * self.learning_rate
        )
        return optax.adam(rate)

    def init(self, key: Array, space: Space) -> State:
        u = space.start[None]
        if self.starts > 1:
            # not by the key itself: `Space.sample` of it, as hidden settings are drawn, is no start to be found by luck
            drawn = jax.random.uniform(jax.random.fold_in(key, 0), (max(self.starts - 1, self.scouts), space.size))
            u = np.concatenate([u, np.asarray(drawn, np.float64)])
        return State(u, u, _moments(self, u[: self.starts].astype(np.float32)))

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        if state.step == 0:
            u = state.u
            if len(u) > self.starts:
                lowest = np.argsort(evaluate.generation(u[1:]), kind="stable")[: self.starts - 1]
                u = u[[0, *(1 + lowest)]]
            u, _, gradients = awake(evaluate, u, key)
            state = replace(state, u=u, safe=u)
        else:
            _, gradients = evaluate.values_and_gradients(state.u)
        finite = np.all(np.isfinite(gradients), axis=1)
        u, moments = _update(self, gradients.astype(np.float32), finite, state.moments, state.u)
        u = np.where(finite[:, None], np.asarray(u, np.float64), 0.5 * (state.u + state.safe))
        safe = np.where(finite[:, None], state.u, state.safe)
        after = State(u, safe, moments, state.step + 1, state.skipped + int((~finite).sum()))
        return Round(after, after.step >= self.steps)


@jax.jit(static_argnums=0)
def _moments(optimizer: Adam, u: Array) -> Any:
    return jax.vmap(optimizer._transform().init)(u)


@jax.jit(static_argnums=0)
def _update(optimizer: Adam, gradients: Array, finite: Array, moments: Any, u: Array) -> tuple[Array, Any]:
    """The next points and moments; a descent whose gradient is not `finite` keeps its moments."""

    def chosen(new: Array, old: Array | float) -> Array:
        return jnp.where(finite.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    updates, after = jax.vmap(optimizer._transform().update)(chosen(gradients, 0.0), moments)
    return jnp.clip(u + updates, 0.0, 1.0), jax.tree.map(chosen, after, moments)
