"""A fractional delay in a loop with a one-pole low-pass."""

from functools import partial

import jax.numpy as jnp
from jax import lax
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float

from .delay_line import Tap, interpolated, read, tap

DARKEST = 0.05  # a loop may lose 26 dB at Nyquist in one turn, no more: a weak one would else stop all but bass


def _by_sample(u: Float[Array, " t"], pole: Float[Array, ""], at: Tap, longest: int) -> Float[Array, " t"]:
    """Solve $w_n = u_n + p\\,w_{n-1} + (G w)_n$, one sample a turn: on a CPU a native loop of nanoseconds."""
    lead, row = longest + 3, at.coefficients[::-1]

    def sample(n, line):
        past = lax.dynamic_slice(line, (lead + n - at.whole - 3,), (4,))
        w = u[n] + pole * line[lead + n - 1] + jnp.sum(row * past)
        return lax.dynamic_update_slice(line, w[None], (lead + n,))

    return lax.fori_loop(0, u.shape[0], sample, jnp.zeros(lead + u.shape[0], u.dtype))[lead:]


def _evenly(u: Float[Array, " t"], pole: Float[Array, ""], at: Tap, longest: int, shortest: int) -> Float[Array, " t"]:
    """The same in tiles of one length, which no delay undercuts: a GPU pays for each step, however short the tile, and
    a loop of known length can be planned. In a tile the pole doubles its reach at each step."""
    samples, lead = u.shape[0], longest + 3
    size = max(1, shortest - 1)
    count = -(-samples // size)
    padded = jnp.pad(u, (0, count * size - samples))

    def tile(k, line):
        n = k * size
        w = lax.dynamic_slice(padded, (n,), (size,)) + interpolated(line, lead + n - at.whole, size, at)
        w, power = w.at[0].add(pole * line[lead + n - 1]), pole
        for reach in (1 << i for i in range((size - 1).bit_length())):
            w, power = w + power * jnp.pad(w[:-reach], (reach, 0)), power * power
        return lax.dynamic_update_slice(line, w, (lead + n,))

    return lax.fori_loop(0, count, tile, jnp.zeros(lead + count * size, u.dtype))[lead : lead + samples]


def damping_pole(gain: Float[Array, ""], damping: Float[Array, ""]) -> Float[Array, ""]:
    r"""The pole $(1 - r) / (1 + r)$ of the low-pass with which a loop of that gain decays $\alpha = 1 - 0.9\,$`damping`
    times as long at Nyquist: $g r = g^{1 / \alpha}$."""
    longer = 1.0 / (1.0 - 0.9 * damping) - 1.0
    at_nyquist = jnp.maximum(jnp.maximum(gain, DARKEST) ** longer, DARKEST)
    return (1.0 - at_nyquist) / (1.0 + at_nyquist)


def damped_feedback_delay(
    x: Float[Array, " t"],
    delay_samples: Float[Array, ""],
    feedback: Float[Array, ""],
    pole: Float[Array, ""],
    state: tuple[Float[Array, " h"], Float[Array, ""]],
    shortest: int = 2,
) -> tuple[tuple[Float[Array, " h"], Float[Array, ""]], Float[Array, " t"]]:
    r"""`feedback_delay` with a low-pass in its loop: $w_n = x_n + v_n$, $v_n = p\,v_{n-1} + (1 - p)\,g\,(D w)_n$.

    The state is the history and the last $x$. Eliminating $v$ leaves $w_n - p\,w_{n-1} - (1 - p)\,g\,(D w)_n = x_n -
    p\,x_{n-1}$, a linear system: `custom_linear_solve` derives both directions from the (cheap, differentiable)
    residual, and the adjoint is the same loop run backwards.
    """
    history, last = state
    held, samples = history.shape[0], x.shape[0]
    at, gain = tap(jnp.maximum(delay_samples, shortest), held - 3), (1.0 - pole) * feedback

    def echo(w):
        return read(jnp.concatenate([history, w]), at, samples)

    def residual(w):
        return w - gain * read(jnp.pad(w, (held, 0)), at, samples) - pole * jnp.pad(w[:-1], (1, 0))

    # the solvers know the past as zero
    driven = x - pole * jnp.concatenate([last[None], x[:-1]]) + gain * echo(jnp.zeros_like(x))
    fixed = lax.stop_gradient((pole, Tap(at.whole, gain * at.coefficients)))

    def solve(u):
        return lax.platform_dependent(
            u,
            *fixed,
            cpu=sequential_vmap(partial(_by_sample, longest=held - 3)),
            default=partial(_evenly, longest=held - 3, shortest=shortest),
        )

    w = lax.custom_linear_solve(
        residual,
        driven.at[0].add(pole * history[-1]),
        solve=lambda _, u: solve(u),
        transpose_solve=lambda _, u: solve(u[::-1])[::-1],
    )
    return (jnp.concatenate([history, w])[samples:], x[-1]), echo(w)
