"""Filters whose settings change from sample to sample: linear recursions of two states, in parallel where a step of a
loop is dear."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .ballistics import Maps, _prefix
from .svf import Section

Pair: TypeAlias = tuple[Float[Array, " t"], Float[Array, " t"]]
Matrices: TypeAlias = tuple[Float[Array, " t"], Float[Array, " t"], Float[Array, " t"], Float[Array, " t"]]

UNROLL = 4  # 8 would push the loop's body over the size XLA:CPU compiles natively, and cost 4 times the time


def _serial(u: Pair, e: Matrices) -> Pair:
    def tick(s, now):
        u1, u2, e11, e12, e21, e22 = now
        s = s[0] + (e11 * s[0] + e12 * s[1] + u1), s[1] + (e21 * s[0] + e22 * s[1] + u2)
        return s, s

    return lax.scan(tick, (jnp.zeros_like(u[0][0]),) * 2, (*u, *e), unroll=UNROLL)[1]


def _parallel(u: Pair, e: Matrices) -> Pair:
    def then(first: Maps, second: Maps) -> Maps:
        u1, u2, a11, a12, a21, a22 = first
        v1, v2, b11, b12, b21, b22 = second
        return (
            u1 + (v1 + b11 * u1 + b12 * u2),
            u2 + (v2 + b21 * u1 + b22 * u2),
            a11 + (b11 + b11 * a11 + b12 * a21),
            a12 + (b12 + b11 * a12 + b12 * a22),
            a21 + (b21 + b21 * a11 + b22 * a21),
            a22 + (b22 + b21 * a12 + b22 * a22),
        )

    s1, s2, *_ = _prefix(then, (0.0,) * 6, (*u, *e))
    return s1, s2


def _solved(u: Pair, e: Matrices) -> Pair:
    return lax.platform_dependent(u, e, cpu=_serial, default=_parallel)


def _solved_backwards(g: Pair, e: Matrices) -> Pair:
    """$\\lambda_n = g_n + (I + E_{n+1})^T \\lambda_{n+1}$: the same recursion in reverse."""
    e11, e12, e21, e22 = (jnp.concatenate([jnp.zeros_like(m[:1]), m[:0:-1]]) for m in e)
    l1, l2 = _solved((g[0][::-1], g[1][::-1]), (e11, e21, e12, e22))
    return l1[::-1], l2[::-1]


def _late(s: Float[Array, " t"]) -> Float[Array, " t"]:
    return jnp.concatenate([jnp.zeros_like(s[:1]), s[:-1]])


def recursion(u: Pair, e: Matrices, s0: Float[Array, "2"]) -> Pair:
    """$s_{n+1} = s_n + E_n s_n + u_n$: the states after each sample, a linear system in them."""
    e11, e12, e21, e22 = e

    def step(s1, s2):
        return s1 + (e11 * s1 + e12 * s2), s2 + (e21 * s1 + e22 * s2)

    def residual(s):
        before = step(_late(s[0]), _late(s[1]))
        return s[0] - before[0], s[1] - before[1]

    first = jnp.arange(u[0].shape[0]) == 0
    start = step(*(jnp.where(first, s, 0.0) for s in s0))
    return lax.custom_linear_solve(
        residual,
        (u[0] + start[0], u[1] + start[1]),
        solve=lambda _, b: _solved(b, e),
        transpose_solve=lambda _, g: _solved_backwards(g, e),
    )


def filtered(
    section: Section, x: Float[Array, "c t"], s0: Float[Array, "c 2"]
) -> tuple[Float[Array, "c 2"], Float[Array, "c t"]]:
    """A second-order section with values (t,), one a sample; returns the state after the signal and the output.

    The trapezoidal state-variable filter keeps what its two integrators hold, whatever its settings do: it stays stable
    while they move, and makes no clicks.

    Reference: Zavalishin, "The Art of VA Filter Design", Native Instruments, 2018, sections 4.4 and 4.8.
    """
    g, k, m0, m1, m2 = section
    scale = 1.0 / (1.0 + g * (g + k))
    b, c = 2.0 * g * scale, (m1 + m2 * g) * scale  # as in `svf.state_space`, an array an entry

    def one(x, s0):
        s1, s2 = recursion((b * x, g * b * x), (-(g + k) * b, -b, b, -g * b), s0)
        before1, before2 = (jnp.concatenate([s0[i, None], s[:-1]]) for i, s in enumerate((s1, s2)))
        return jnp.stack([s1[-1], s2[-1]]), c * before1 + (m2 - g * c) * before2 + (m0 + g * c) * x

    return jax.vmap(one)(x, s0)
