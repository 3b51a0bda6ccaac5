"""Level detectors: the attack and release smoother of a compressor, sample by sample on a CPU, in parallel elsewhere.

A GPU or TPU pays a launch for each step of a loop, so there a recursion is solved by composing the maps of ever longer
ranges of samples, in $\\log_2 T$ steps.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .state_space import lti
from .svf import StateSpace

Maps: TypeAlias = tuple[Float[Array, " t"], ...]  # their coefficients, one map a sample

UNROLL = 8  # 16 would push the loop's body over the size XLA:CPU compiles natively, and cost 30 times the time
NEWTON_STEPS = 16  # 9 were the most for 13 kinds of signal, 10 s at 48 kHz, attack 0.1 to 100 and release 5 to 500 ms
LOWEST = -1e30  # no level is below it


def time_constant(seconds: Float[Array, "..."], sr: float) -> Float[Array, "..."]:
    r"""The one-pole coefficient $e^{-1 / (\tau f_s)}$ that covers 63 % of a step in $\tau$ seconds."""
    return jnp.exp(-1.0 / (seconds * sr))


def mean_over(
    x: Float[Array, "*c t"], seconds: Float[Array, ""], sr: float, y0: Float[Array, "*c"]
) -> Float[Array, "*c t"]:
    r"""The running mean $y_n = y_{n-1} + (1 - e^{-1 / (\tau f_s)}) (x_n - y_{n-1})$; its state is its last sample."""
    decay = jnp.expm1(-1.0 / (seconds * sr))
    one = StateSpace(decay[None, None], -decay[None], 1.0 + decay[None], -decay)
    return lti(one, x, y0[..., None])[1]


def _serial(b: Float[Array, " t"], a: Float[Array, " t"]) -> Float[Array, " t"]:
    def tick(y, ba):
        y = ba[1] * y + ba[0]
        return y, y

    return lax.scan(tick, jnp.zeros_like(b[0]), (b, a), unroll=UNROLL)[1]


def _serial_adjoint(g: Float[Array, " t"], a: Float[Array, " t"]) -> Float[Array, " t"]:
    def tick(due, ga):
        y = ga[0] + due
        return ga[1] * y, y

    return lax.scan(tick, jnp.zeros_like(g[0]), (g, a), reverse=True, unroll=UNROLL)[1]


def _prefix(then: Callable[[Maps, Maps], Maps], identity: tuple[float, ...], maps: Maps) -> Maps:
    """What each map comes to after all before it, doubling the reach at each step. A loop over 19 such steps compiles
    in a fraction of the time of `lax.associative_scan`, which writes them all out."""
    samples = maps[0].shape[0]

    def double(k, maps):
        def before(m, nothing):
            return lax.dynamic_slice(jnp.concatenate([jnp.full_like(m, nothing), m]), (samples - (1 << k),), (samples,))

        return then(tuple(before(m, e) for m, e in zip(maps, identity, strict=True)), maps)

    return lax.fori_loop(0, (samples - 1).bit_length(), double, maps)


def _parallel(b: Float[Array, " t"], a: Float[Array, " t"]) -> Float[Array, " t"]:
    """Maps are composed by their $1 - a$: rounding $a$, a little below one, would add up over a long release."""

    def then(first, second):
        (d1, b1), (d2, b2) = first, second
        return d1 + d2 - d1 * d2, b2 + (b1 - d2 * b1)

    return _prefix(then, (0.0, 0.0), (1.0 - a, b))[1]


def _parallel_adjoint(g: Float[Array, " t"], a: Float[Array, " t"]) -> Float[Array, " t"]:
    return _parallel(g[::-1], jnp.concatenate([jnp.zeros_like(a[:1]), a[:0:-1]]))[::-1]


def _started(b: Float[Array, " t"], a: Float[Array, " t"], y0: Float[Array, ""]) -> Float[Array, " t"]:
    """`b` with what the start value adds to the first sample, in a form that fuses with what made `b`."""
    return b + jnp.where(jnp.arange(b.shape[0]) == 0, y0, 0.0) * a


def recursion(b: Float[Array, " t"], a: Float[Array, " t"], y0: Float[Array, ""]) -> Float[Array, " t"]:
    r"""$y_n = a_n y_{n-1} + b_n$, a linear system in $y$; the adjoint is $\lambda_n = g_n + a_{n+1} \lambda_{n+1}$."""
    return lax.custom_linear_solve(
        lambda y: y - a * jnp.concatenate([jnp.zeros_like(y[:1]), y[:-1]]),
        _started(b, a, y0),
        solve=lambda _, b: lax.platform_dependent(b, a, cpu=_serial, default=_parallel),
        transpose_solve=lambda _, g: lax.platform_dependent(g, a, cpu=_serial_adjoint, default=_parallel_adjoint),
    )


def _serial_smoother(
    x: Float[Array, " t"], attack: Float[Array, ""], release: Float[Array, ""], y0: Float[Array, ""]
) -> Float[Array, " t"]:
    def tick(y, v):
        y = v + jnp.where(v > y, attack, release) * (y - v)
        return y, y

    return lax.scan(tick, y0, x, unroll=UNROLL)[1]


def _parallel_smoother(
    x: Float[Array, " t"], attack: Float[Array, ""], release: Float[Array, ""], y0: Float[Array, ""]
) -> Float[Array, " t"]:
    r"""Newton's method on all samples at once: guess which rise, solve the linear recursion that follows, guess again.

    One step of the smoother is the larger of two affine maps if attack is the faster, else the smaller, so the iterates
    run monotonically to the solution and reach it exactly. They start where the faster time is zero: that
    smoother, $\pm y_n = \max(\pm x_n, a (\pm y_{n-1} - \pm x_n) \pm x_n)$, is closed under composition.
    """
    sign, slow = jnp.where(attack <= release, 1.0, -1.0).astype(x.dtype), jnp.maximum(attack, release)

    def then(first, second):
        (d1, b1, c1), (d2, b2, c2) = first, second
        return d1 + d2 - d1 * d2, b2 + (b1 - d2 * b1), jnp.maximum(b2 + (c1 - d2 * c1), c2)

    v, d = sign * x, jnp.full_like(x, 1.0 - slow)
    d, b, c = _prefix(then, (0.0, 0.0, LOWEST), (d, d * v, v))
    start = sign * jnp.maximum((1.0 - d) * (sign * y0) + b, c)

    def newton(y, _):
        a = jnp.where(x > jnp.concatenate([y0[None], y[:-1]]), attack, release)
        return _parallel(_started((1.0 - a) * x, a, y0), a), None

    return lax.scan(newton, start, length=NEWTON_STEPS)[0]


@jax.custom_jvp
def attack_release(
    x: Float[Array, " t"], attack: Float[Array, ""], release: Float[Array, ""], y0: Float[Array, ""]
) -> Float[Array, " t"]:
    r"""The branching smoother $y_n = x_n + a_n (y_{n-1} - x_n)$, $a_n$ = `attack` if $x_n > y_{n-1}$, else `release`.

    Its tangent is the linear recursion $\dot y_n = a_n \dot y_{n-1} + (1 - a_n) \dot x_n + (y_{n-1} - x_n) \dot a_n$.

    Reference: Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012, eq. 16.
    """
    return lax.platform_dependent(x, attack, release, y0, cpu=_serial_smoother, default=_parallel_smoother)


@attack_release.defjvp
def _(primals, tangents):
    x, attack, release, y0 = primals
    dx, d_attack, d_release, dy0 = tangents
    y = attack_release(x, attack, release, y0)
    before = jnp.concatenate([y0[None], y[:-1]])
    rising = x > before
    a = jnp.where(rising, attack, release)
    drive = (1.0 - a) * dx + (before - x) * jnp.where(rising, d_attack, d_release)
    return y, recursion(drive, a, dy0)
