"""Recursions that are affine in their state: sample by sample on a CPU, in parallel pieces elsewhere."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

PIECE = 512  # samples; a piece's turns and as many pieces make a thousand or two for ten seconds

Tick = Callable[[tuple[Array, ...], Any], tuple[tuple[Array, ...], Any]]


def _in_pieces(tick: Tick, start: tuple[Array, ...], inputs: Any) -> tuple[tuple[Array, ...], Any]:
    r"""All pieces at once, each as $s' = \Phi s + z$ by running it from zero and along every unit state; then the
    states between them, one after the other; then all pieces again from those."""
    samples, states = jax.tree.leaves(inputs)[0].shape[0], len(start)
    size = min(PIECE, samples)
    whole = samples // size * size
    pieces = jax.tree.map(lambda v: v[:whole].reshape(-1, size, *v.shape[1:]), inputs)

    def end(s, piece):
        return jnp.stack(lax.scan(tick, tuple(s), piece)[0])

    none = jnp.zeros(states, start[0].dtype)

    def move(piece):  # the derivative in the state, which is formally free of what the inputs add
        return jax.vmap(lambda unit: jax.jvp(lambda s: end(s, piece), (none,), (unit,))[1])(
            jnp.eye(states, dtype=none.dtype)
        )

    rest, moves = jax.vmap(lambda piece: end(none, piece))(pieces), jax.vmap(move)(pieces)

    def across(s, piece):
        z, move = piece
        return z + jnp.sum(s[:, None] * move, axis=0), s

    last, starts = lax.scan(across, jnp.stack(start), (rest, moves))
    _, out = jax.vmap(lambda s, piece: lax.scan(tick, tuple(s), piece))(starts, pieces)
    out = jax.tree.map(lambda v: v.reshape(whole, *v.shape[2:]), out)
    final, tail = lax.scan(tick, tuple(last), jax.tree.map(lambda v: v[whole:], inputs))
    return final, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), out, tail)


def affine_scan(
    tick: Tick, start: tuple[Float[Array, ""], ...], inputs: Any, reverse: bool = False
) -> tuple[tuple[Array, ...], Any]:
    """`lax.scan` for a `tick` that is affine in its state, a tuple of numbers, at any one input.

    On a GPU or TPU a turn costs microseconds however little it does, so there the signal is cut into pieces that run
    side by side; superposition makes that exact.
    """

    def turned(v: Any) -> Any:
        return jax.tree.map(lambda a: a[::-1], v) if reverse else v

    def in_pieces(s: Any, v: Any) -> Any:
        end, out = _in_pieces(tick, s, turned(v))
        return end, turned(out)

    return lax.platform_dependent(
        start, inputs, cpu=lambda s, v: lax.scan(tick, s, v, reverse=reverse), default=in_pieces
    )
