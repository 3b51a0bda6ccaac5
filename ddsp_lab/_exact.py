"""Questions about a problem, answered in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._evaluate import Asked, Evaluate


class Exact(Evaluate):
    """The same questions in float64: where a valley's floor is flat, float32 cannot tell its lowest point."""

    def __init__(self, whole: Evaluate):
        with jax.enable_x64(True):
            problem = jax.tree.map(_doubled, whole.problem)
        super().__init__(problem, watch=lambda _: whole.watch(whole))
        self.whole = whole

    def _numbers(self, asked: Sequence[Asked]) -> list[tuple[np.ndarray, ...]]:
        return self.whole._numbers(
            [a._replace(call=f"exact {a.call}", compute=partial(_doubly, a.compute)) for a in asked]
        )


def _doubled(a: Any) -> Any:
    return a.astype(np.float64) if jnp.issubdtype(a.dtype, jnp.floating) else a


def _doubly(compute: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
    with jax.enable_x64(True):
        return tuple(np.asarray(a) for a in compute())
