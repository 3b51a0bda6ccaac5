"""Delay lines whose delay changes with every sample, plain and with feedback."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .delay_line import Tap, tap


def taken(line: Float[Array, " n"], where: Int[Array, " t"], coefficients: Float[Array, "4 t"]) -> Float[Array, " t"]:
    """Sums of four samples of the line each, from `where` on backwards."""
    return sum(c * line.at[where - i].get(mode="promise_in_bounds") for i, c in enumerate(coefficients))  # pyright: ignore[reportReturnType]


def places(at: Tap, history: int) -> Int[Array, " t"]:
    """The first of the four samples that each output sample reads, in the line of history and input."""
    return history + jnp.arange(at.whole.shape[0], dtype=jnp.int32) - at.whole


def modulated_read(
    x: Float[Array, " t"], delay_samples: Float[Array, " t"], history: Float[Array, " h"]
) -> tuple[Float[Array, " h"], Float[Array, " t"]]:
    r"""$y_n = x(n - d_n)$ by third-order Lagrange interpolation, $d_n$ from 2 to `h` - 3 samples.

    Linear in `x`; the gradient in the delay is that of the interpolating cubic. Returns the history after `x` too.
    """
    line = jnp.concatenate([history, x])
    at = tap(delay_samples, history.shape[0] - 3)
    return line[x.shape[0] :], taken(line, places(at, history.shape[0]), at.coefficients)


def blocks(x: Array, size: int) -> Array:
    """The last axis cut into pieces of `size`, zero-padded, pieces first."""
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % size)])
    return jnp.moveaxis(padded.reshape(*x.shape[:-1], -1, size), -2, 0)


def _forwards_in_blocks(
    u: Float[Array, " t"], where: Int[Array, " t"], gains: Float[Array, "4 t"], history: int, size: int
) -> Float[Array, " t"]:
    """Solve $w = u + G w$; a block reads only what stands before it."""
    pieces = blocks(u, size), blocks(where, size), blocks(gains, size)
    count = pieces[0].shape[0]

    def block(k, line):
        v, place, gain = (lax.dynamic_index_in_dim(p, k, keepdims=False) for p in pieces)
        return lax.dynamic_update_slice(line, v + taken(line, place, gain), (history + k * size,))

    line = lax.fori_loop(0, count, block, jnp.zeros(history + count * size, u.dtype))
    return line[history : history + u.shape[0]]


def _backwards_in_blocks(
    u: Float[Array, " t"], where: Int[Array, " t"], gains: Float[Array, "4 t"], history: int, size: int
) -> Float[Array, " t"]:
    """Solve $v = u + G^T v$: from the last block to the first, each adds to what it had read."""
    pieces = blocks(where, size), blocks(gains, size)
    count = pieces[0].shape[0]

    def block(i, line):
        k = count - 1 - i
        place, gain = (lax.dynamic_index_in_dim(p, k, keepdims=False) for p in pieces)
        v = lax.dynamic_slice(line, (history + k * size,), (size,))
        taps = place - jnp.arange(4, dtype=jnp.int32)[:, None]
        return line.at[taps].add(gain * v, mode="promise_in_bounds")

    line = jnp.pad(u, (history, count * size - u.shape[0]))
    return lax.fori_loop(0, count, block, line)[history : history + u.shape[0]]


def _forwards_by_sample(
    u: Float[Array, " t"], where: Int[Array, " t"], gains: Float[Array, "4 t"], history: int
) -> Float[Array, " t"]:
    """The same, one sample a turn: on a CPU one native loop of a dozen nanoseconds a turn."""
    first, rows = where - 3, gains[::-1].T

    def sample(n, line):
        w = u[n] + jnp.sum(rows[n] * lax.dynamic_slice(line, (first[n],), (4,)))
        return lax.dynamic_update_slice(line, w[None], (history + n,))

    return lax.fori_loop(0, u.shape[0], sample, jnp.zeros(history + u.shape[0], u.dtype))[history:]


def _backwards_by_sample(
    u: Float[Array, " t"], where: Int[Array, " t"], gains: Float[Array, "4 t"], history: int
) -> Float[Array, " t"]:
    first, rows, count = where - 3, gains[::-1].T, u.shape[0]

    def sample(i, line):
        n = count - 1 - i
        read = lax.dynamic_slice(line, (first[n],), (4,))
        return lax.dynamic_update_slice(line, read + rows[n] * line[history + n], (first[n],))

    return lax.fori_loop(0, count, sample, jnp.pad(u, (history, 0)))[history:]


def loop_solved(
    residual: Callable[[Array], Array],
    b: Float[Array, " t"],
    where: Int[Array, " t"],
    gains: Float[Array, "4 t"],
    history: int,
    size: int,
) -> Float[Array, " t"]:
    """The $w$ with `residual(w)` = `b`, where the residual is $w$ less `gains` times the four samples at `where`.

    In blocks of `size`, or sample by sample on a CPU; both are exact. `custom_linear_solve` derives both directions
    from the residual; the adjoint runs backwards and adds where the forward pass reads.
    """
    gains = lax.stop_gradient(gains)

    def solver(by_sample, in_blocks):
        return lambda _, u: lax.platform_dependent(
            u,
            where,
            gains,
            cpu=lambda *a: by_sample(*a, history),
            default=lambda *a: in_blocks(*a, history, size),
        )

    return lax.custom_linear_solve(
        residual,
        b,
        solve=solver(_forwards_by_sample, _forwards_in_blocks),
        transpose_solve=solver(_backwards_by_sample, _backwards_in_blocks),
    )


def modulated_feedback(
    x: Float[Array, " t"],
    delay_samples: Float[Array, " t"],
    feedback: Float[Array, ""],
    history: Float[Array, " h"],
    shortest: int,
) -> tuple[Float[Array, " h"], Float[Array, " t"]]:
    r"""$w_n = x_n + g\,w(n - d_n)$, $y_n = w(n - d_n)$, for delays that are never below `shortest` samples (3 or more).

    Returns the history after `x` too.
    """
    samples, held = x.shape[0], history.shape[0]
    at = tap(delay_samples, held - 3)
    where, size = places(at, held), min(shortest - 1, samples)

    def echo(w):
        return taken(jnp.concatenate([history, w]), where, at.coefficients)

    def residual(w):
        return w - feedback * taken(jnp.pad(w, (held, 0)), where, at.coefficients)

    before = feedback * echo(jnp.zeros_like(x))
    w = loop_solved(residual, x + before, where, feedback * at.coefficients, held, size)
    return jnp.concatenate([history, w])[samples:], echo(w)
