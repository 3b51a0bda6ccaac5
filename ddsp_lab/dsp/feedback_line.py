"""A fractional delay in a loop, and its derivatives, each as one loop over tiles."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .delay_line import Tap, tap
from .linear_map import linear_map

TILE = 1024  # samples computed at once; wider wastes work on delays shorter than a tile


def _taps(past: Float[Array, " t+3"], c: Float[Array, "4"]) -> Float[Array, " t"]:
    return c[0] * past[3:] + c[1] * past[2:-1] + c[2] * past[1:-2] + c[3] * past[:-3]


def _late(line: Float[Array, " h+t"], at: Tap, samples: int) -> Float[Array, " t"]:
    """The last `samples` of the line, delayed."""
    first = line.shape[0] - samples - at.whole - 3
    return _taps(lax.dynamic_slice(line, (first,), (samples + 3,)), at.coefficients)


def _filled(
    u: Float[Array, " t"], gain: Float[Array, ""], at: Tap, history: Float[Array, " h"], width: int, size: Array | int
) -> Float[Array, " h+t"]:
    """The history and after it $w = u + g D w$, in tiles that advance by `size`: what a tile computes beyond its size,
    the next one overwrites."""
    samples, held = u.shape[0], history.shape[0]
    u = jnp.pad(u, (0, width))

    def tile(carry):
        n, line = carry
        past = lax.dynamic_slice(line, (held + n - at.whole - 3,), (width + 3,))
        w = lax.dynamic_slice(u, (n,), (width,)) + gain * _taps(past, at.coefficients)
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
    at = tap(jnp.maximum(delay_samples, shortest), history.shape[0] - 3)
    line = _line(shortest, x, feedback, at, history)
    return line[x.shape[0] :], _late(line, at, x.shape[0])


@feedback_delay.defjvp
def _(shortest, primals, tangents):
    x, delay_samples, feedback, history = primals
    samples, held = x.shape[0], history.shape[0]

    def read(delay):
        return tap(jnp.maximum(delay, shortest), held - 3)

    at = read(delay_samples)
    slope = jax.jvp(lambda d: read(d).coefficients, (delay_samples,), (jnp.ones_like(delay_samples),))[1]
    line = _line(shortest, x, feedback, at, history)
    echoes, moved = _late(line, at, samples), _late(line, Tap(at.whole, slope), samples)

    def forwards(change):
        dx, d_delay, d_feedback, d_history = change
        u = dx + d_feedback * echoes + (feedback * d_delay) * moved
        d_line = _line(shortest, u, feedback, at, d_history)
        return d_line[samples:], _late(d_line, at, samples) + d_delay * moved

    def backwards(change):
        # in time turned round: what is pulled out of the line is what is pulled out of its echoes, delayed
        kept, heard = (v[::-1] for v in change)
        kept = jnp.pad(kept, (0, samples))
        line = _line(shortest, heard + feedback * kept[:samples], feedback, at, jnp.zeros_like(history))
        pulled = _late(jnp.pad(line, (0, held)), at, held + samples) + kept
        dx = pulled[:samples][::-1]
        return dx, jnp.vdot(moved[::-1], line[held:]), jnp.vdot(echoes, dx), pulled[samples:][::-1]

    def plainly(change):
        dx, d_delay, d_feedback, d_history = change
        q = d_delay * moved + _late(jnp.concatenate([d_history, jnp.zeros_like(dx)]), at, samples)

        def solve(_, u):
            return _line(shortest, u, feedback, at, jnp.zeros_like(history))[held:]

        def residual(w):
            return w - feedback * _late(jnp.pad(w, (held, 0)), at, samples)

        b = dx + d_feedback * echoes + feedback * q
        dw = lax.custom_linear_solve(residual, b, solve, lambda _, u: solve(_, u[::-1])[::-1])
        return jnp.concatenate([d_history, dw])[samples:], _late(jnp.pad(dw, (held, 0)), at, samples) + q

    return (line[samples:], echoes), linear_map(forwards, backwards, plainly, tuple(tangents))
