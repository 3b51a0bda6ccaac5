"""A fractional delay in a loop, and its derivatives, each as one loop over tiles."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .delay_line import Tap, interpolated, read, tap
from .linear_map import linear_map

TILE = 1024  # samples computed at once; wider wastes work on delays shorter than a tile


def _filled(
    u: Float[Array, " t"], gain: Float[Array, ""], at: Tap, history: Float[Array, " h"], width: int, size: Array | int
) -> Float[Array, " h+t"]:
    """The history and after it $w = u + g D w$, in tiles that advance by `size`: what a tile computes beyond its size,
    the next one overwrites."""
    samples, held = u.shape[0], history.shape[0]
    u = jnp.pad(u, (0, width))

    def tile(carry):
        n, line = carry
        echo = interpolated(line, held + n - at.whole, width, at)
        w = lax.dynamic_slice(u, (n,), (width,)) + gain * echo
        return n + size, lax.dynamic_update_slice(line, w, (held + n,))

    start = jnp.int32(0), jnp.pad(history, (0, samples + width))
    return lax.while_loop(lambda carry: carry[0] < samples, tile, start)[1][: held + samples]


def _line(shortest: int, u: Any, gain: Any, at: Tap, history: Any) -> Float[Array, " h+t"]:
    """On a CPU in tiles as long as the delay allows; elsewhere, where a turn costs the same however short the tile, in
    equal ones that no delay undercuts, so that the length of the loop is known."""
    width = max(1, shortest - 1)
    return lax.platform_dependent(
        u,
        gain,
        at,
        history,
        cpu=lambda u, g, at, h: _filled(u, g, at, h, TILE, jnp.minimum(at.whole, TILE)),
        default=lambda u, g, at, h: _filled(u, g, at, h, width, width),
    )


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def feedback_delay(
    x: Float[Array, " t"],
    delay_samples: Float[Array, ""],
    feedback: Float[Array, ""],
    history: Float[Array, " h"],
    shortest: int = 2,
) -> tuple[Float[Array, " h"], Float[Array, " t"]]:
    r"""Echoes: $w_n = x_n + g\,(D w)_n$, $y = D w$, with $D$ a fractional delay that may change from call to call.

    `history` holds the line's samples before `x` and bounds the delay to its length minus 3; it is never below
    `shortest`, from which the length of the loop follows that runs on GPUs and TPUs. Returns the history after
    `x` and the echoes alone. The tangent is the same loop, $\dot w = \dot x + \dot g\,y + g\,\dot d\,D' w + g\,D
    \dot w$; so is the adjoint, in time turned round.
    """
    at = tap(jnp.maximum(delay_samples, shortest), history.shape[0] - 3)
    line = _line(shortest, x, feedback, at, history)
    return line[x.shape[0] :], read(line, at, x.shape[0])


@feedback_delay.defjvp
def _(shortest, primals, tangents):
    x, delay_samples, feedback, history = primals
    samples, held = x.shape[0], history.shape[0]

    def place(delay):
        return tap(jnp.maximum(delay, shortest), held - 3)

    at = place(delay_samples)
    slope = jax.jvp(lambda d: place(d).coefficients, (delay_samples,), (jnp.ones_like(delay_samples),))[1]
    line = _line(shortest, x, feedback, at, history)
    echoes, moved = read(line, at, samples), read(line, Tap(at.whole, slope), samples)

    def forwards(change):
        dx, d_delay, d_feedback, d_history = change
        u = dx + d_feedback * echoes + (feedback * d_delay) * moved
        d_line = _line(shortest, u, feedback, at, d_history)
        return d_line[samples:], read(d_line, at, samples) + d_delay * moved

    def backwards(change):
        # in time turned round: what is pulled out of the line is what is pulled out of its echoes, delayed
        kept, heard = (v[::-1] for v in change)
        kept = jnp.pad(kept, (0, samples))
        line = _line(shortest, heard + feedback * kept[:samples], feedback, at, jnp.zeros_like(history))
        pulled = read(jnp.pad(line, (0, held)), at, held + samples) + kept
        dx = pulled[:samples][::-1]
        return dx, jnp.vdot(moved[::-1], line[held:]), jnp.vdot(echoes, dx), pulled[samples:][::-1]

    def plainly(change):
        dx, d_delay, d_feedback, d_history = change
        q = d_delay * moved + read(jnp.concatenate([d_history, jnp.zeros_like(dx)]), at, samples)

        def solve(_, u):
            return _line(shortest, u, feedback, at, jnp.zeros_like(history))[held:]

        def residual(w):
            return w - feedback * read(jnp.pad(w, (held, 0)), at, samples)

        b = dx + d_feedback * echoes + feedback * q
        dw = lax.custom_linear_solve(residual, b, solve, lambda _, u: solve(_, u[::-1])[::-1])
        return jnp.concatenate([d_history, dw])[samples:], read(jnp.pad(dw, (held, 0)), at, samples) + q

    return (line[samples:], echoes), linear_map(forwards, backwards, plainly, tuple(tangents))
