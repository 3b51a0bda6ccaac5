"""How what a network of delay lines sounds like changes with its losses and damping, without writing down each line."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float

from .line_loops import Lines, Memory, mixed, total
from .linear_map import linear_map

PIECE = 1024  # samples summed up in one go: longer sums would lose digits


def heard_change(
    v: Float[Array, "t n"],
    rows: np.ndarray,
    net: Lines,
    before: Memory,
    change: tuple[Float[Array, "1 n"], Float[Array, "1 n"]],
    plainly: Callable[[Any], Float[Array, "t c"]],
) -> Float[Array, "t c"]:
    r"""The change of $R^T v$ with one tap and one pole a line, linear in `change`, that of the taps and poles.

    $(P - B M)\,\dot v = \dot b\,z^{-D} w - \dot P v$ with $b\,z^{-D} w = P v$, so the drive is $\alpha v_t + \beta
    v_{t-1}$ with $\alpha = \dot b / b$ and $\beta = \dot p - \alpha p$: one loop forwards, and one backwards that
    keeps two sums a line. `plainly` gives the same from the whole network; it serves other platforms, and second
    derivatives.
    """
    rows = np.asarray(rows, v.dtype)

    def ratios(change: Any) -> Any:
        alpha = change[0][0] / net.taps[0]
        return alpha, change[1][0] - alpha * net.poles[0]

    def forwards(alpha: Array, beta: Array, v: Array, taps: Array, poles: Array, last: Array) -> Array:
        return _forwards(alpha, beta, v, rows, Lines(net.delays, taps, poles, net.mix), last)

    def backwards(heard: Array, v: Array, taps: Array, poles: Array, last: Array) -> Any:
        return _backwards(heard, v, rows, Lines(net.delays, taps, poles, net.mix), last)

    def driven(ratio: Any) -> Array:
        """`plainly` in the ratios, so that both forms take and give the same."""
        return plainly((net.taps * ratio[0], (ratio[1] + ratio[0] * net.poles[0])[None]))

    at = (v, net.taps, net.poles, before.v[-1])

    def here(change: Any) -> Array:
        return lax.platform_dependent(
            *ratios(change), *at, cpu=sequential_vmap(forwards), default=lambda a, b, *_: driven((a, b))
        )

    def turned(heard: Array) -> Any:
        shape = (net.taps[0], net.poles[0])
        other = lambda heard, *_: jax.linear_transpose(driven, shape)(heard)[0]  # noqa: E731
        sums = lax.platform_dependent(heard, *at, cpu=sequential_vmap(backwards), default=other)
        return jax.linear_transpose(ratios, change)(sums)[0]

    return linear_map(here, turned, plainly, change)


def _ring(net: Lines, dtype: Any) -> Array:
    return jnp.zeros((1 << (max(net.delays) - 1).bit_length(), len(net.delays)), dtype)


def _late(ring: Array, n: Array, net: Lines) -> Array:
    size = ring.shape[0]
    late = [lax.dynamic_slice(ring, (n - d & size - 1, jnp.int32(i)), (1, 1))[0, 0] for i, d in enumerate(net.delays)]
    return net.taps[0] * jnp.stack(late)


def _stored(ring: Array, n: Array, w: Array) -> Array:
    return lax.dynamic_update_slice(ring, w[None], (n & ring.shape[0] - 1, jnp.int32(0)))


def _forwards(alpha: Array, beta: Array, v: Array, rows: np.ndarray, net: Lines, last: Array) -> Array:
    def tick(carry: Any, v: Array) -> Any:
        n, last, dv, ring = carry
        dv = net.poles[0] * dv + _late(ring, n, net) + alpha * v + beta * last
        return (n + 1, v, dv, _stored(ring, n, mixed(dv, net.mix))), jnp.stack([total(row * dv) for row in rows.T])

    start = (jnp.int32(0), last.astype(v.dtype), jnp.zeros_like(v[0]), _ring(net, v.dtype))
    return lax.scan(tick, start, v)[1]


def _backwards(heard: Array, v: Array, rows: np.ndarray, net: Lines, last: Array) -> tuple[Array, Array]:
    nothing = jnp.zeros_like(v[0])

    def tick(carry: Any, inputs: Any) -> Any:
        n, back, ring, a, b = carry
        v, heard = inputs
        b = b + back * v
        pushed = sum(row * one for row, one in zip(rows.T, heard, strict=True))
        back = net.poles[0] * back + mixed(_late(ring, n, net), net.mix, True) + pushed
        return (n + 1, back, _stored(ring, n, back), a + back * v, b), None

    def piece(carry: Any, inputs: Any) -> Any:
        (n, back, ring, a, b), _ = lax.scan(tick, (*carry, nothing, nothing), inputs, reverse=True)
        return (n, back, ring), (a, b)

    cut = [jnp.pad(s, ((0, -len(s) % PIECE), (0, 0))).reshape(-1, PIECE, s.shape[1]) for s in (v, heard)]
    (_, back, _), (a, b) = lax.scan(piece, (jnp.int32(0), nothing, _ring(net, v.dtype)), tuple(cut), reverse=True)
    return jnp.sum(a, axis=0), jnp.sum(b, axis=0) + back * last
