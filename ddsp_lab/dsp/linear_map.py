"""A linear function whose transpose is written by hand."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def linear_map(
    forwards: Callable[[Any], Any], backwards: Callable[[Any], Any], plainly: Callable[[Any], Any], x: Any
) -> Any:
    r"""$F x$ for the linear `forwards`, whose transpose is `backwards`; `plainly` is the same in operations that JAX
    can turn round itself, and serves second derivatives.

    As the system $(x, y - F x) = (x, 0)$, because linear systems are what JAX turns round by a rule that is given.
    """
    none = sum(0.0 * jnp.ravel(leaf)[0] for leaf in jax.tree.leaves(x))  # JAX wants all of them to be tangents
    x = jax.tree.map(lambda leaf: leaf + none, x)
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype) + none, jax.eval_shape(plainly, x))

    def add(a: Any, b: Any) -> Any:
        return jax.tree.map(jnp.add, a, b)

    def solve(_: Any, known: Any) -> Any:
        x, y = known
        return x, add(y, forwards(x))

    def transposed(_: Any, known: Any) -> Any:
        x, y = known
        return add(x, backwards(y)), y

    def residual(both: Any) -> Any:
        x, y = both
        return x, jax.tree.map(jnp.subtract, y, plainly(x))

    return lax.custom_linear_solve(residual, (x, nothing), solve, transposed)[1]
