"""A delay whose delay changes with every sample and whose loop saturates, as a tape does."""

from functools import partial

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .delay_line import tap
from .modulated_delay import blocks, loop_solved, places, taken


def _by_sample(
    x: Float[Array, " t"],
    where: Int[Array, " t"],
    coefficients: Float[Array, "4 t"],
    gain: Float[Array, ""],
    drive: Float[Array, ""],
    history: Float[Array, " h"],
) -> Float[Array, " t"]:
    first, rows, held = where - 3, coefficients[::-1].T, history.shape[0]

    def sample(n, line):
        v = jnp.sum(rows[n] * lax.dynamic_slice(line, (first[n],), (4,)))
        return lax.dynamic_update_slice(line, (x[n] + gain * jnp.tanh(drive * v) / drive)[None], (held + n,))

    return lax.fori_loop(0, x.shape[0], sample, jnp.pad(history, (0, x.shape[0])))[held:]


def _in_blocks(
    x: Float[Array, " t"],
    where: Int[Array, " t"],
    coefficients: Float[Array, "4 t"],
    gain: Float[Array, ""],
    drive: Float[Array, ""],
    history: Float[Array, " h"],
    size: int,
) -> Float[Array, " t"]:
    pieces, held = (blocks(x, size), blocks(where, size), blocks(coefficients, size)), history.shape[0]
    count = pieces[0].shape[0]

    def block(k, line):
        u, place, c = (lax.dynamic_index_in_dim(p, k, keepdims=False) for p in pieces)
        w = u + gain * jnp.tanh(drive * taken(line, place, c)) / drive
        return lax.dynamic_update_slice(line, w, (held + k * size,))

    line = lax.fori_loop(0, count, block, jnp.pad(history, (0, count * size)))
    return line[held : held + x.shape[0]]


def saturating_delay(
    x: Float[Array, " t"],
    delay_samples: Float[Array, " t"],
    feedback: Float[Array, ""],
    drive: Float[Array, ""],
    history: Float[Array, " h"],
    shortest: int,
) -> tuple[Float[Array, " h"], Float[Array, " t"]]:
    r"""$w_n = x_n + g\,y_n$ with $y_n = \tanh(k\,w(n - d_n)) / k$, for delays that are never below `shortest` samples.

    Returns the history after `x` and $y$. The loop runs without a derivative; what makes it exact is one Newton step of
    zero length, $w - A^{-1} r(w)$ with $A$ the loop made linear about $w$: its derivative is that of the implicit
    function, in both directions.
    """
    samples, held = x.shape[0], history.shape[0]
    at = tap(delay_samples, held - 3)
    where, size = places(at, held), min(shortest - 1, samples)
    fixed = (lax.stop_gradient(v) for v in (x, where, at.coefficients, feedback, drive, history))
    w = lax.platform_dependent(*fixed, cpu=_by_sample, default=partial(_in_blocks, size=size))
    w = lax.stop_gradient(w)

    def echo(w):
        return jnp.tanh(drive * taken(jnp.concatenate([history, w]), where, at.coefficients)) / drive

    slope = lax.stop_gradient(feedback * (1.0 - jnp.square(drive * echo(w))))
    frozen = lax.stop_gradient(at.coefficients)

    def linear(v):
        return v - slope * taken(jnp.pad(v, (held, 0)), where, frozen)

    w = w - loop_solved(linear, w - x - feedback * echo(w), where, slope * frozen, held, size)
    return jnp.concatenate([history, w])[samples:], echo(w)
