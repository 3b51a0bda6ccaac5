"""Level detectors: the attack and release smoother of a compressor."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

UNROLL = 8  # 16 would push the loop's body over the size XLA:CPU compiles natively, and cost 30 times the time


def time_constant(seconds: Float[Array, "..."], sr: float) -> Float[Array, "..."]:
    r"""The one-pole coefficient $e^{-1 / (\tau f_s)}$ that covers 63 % of a step in $\tau$ seconds."""
    return jnp.exp(-1.0 / (seconds * sr))


def _recursion(b: Float[Array, " t"], a: Float[Array, " t"], y0: Float[Array, ""]) -> Float[Array, " t"]:
    """$y_n = a_n y_{n-1} + b_n$."""

    def tick(y, ba):
        y = ba[1] * y + ba[0]
        return y, y

    return lax.scan(tick, y0, (b, a), unroll=UNROLL)[1]


@jax.custom_jvp
def attack_release(
    x: Float[Array, " t"], attack: Float[Array, ""], release: Float[Array, ""], y0: Float[Array, ""]
) -> Float[Array, " t"]:
    r"""The branching smoother $y_n = x_n + a_n (y_{n-1} - x_n)$, $a_n$ = `attack` if $x_n > y_{n-1}$, else `release`.

    Its tangent is the linear recursion $\dot y_n = a_n \dot y_{n-1} + (1 - a_n) \dot x_n + (y_{n-1} - x_n) \dot a_n$.

    Reference: Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012, eq. 16.
    """

    def tick(y, v):
        y = v + jnp.where(v > y, attack, release) * (y - v)
        return y, y

    return lax.scan(tick, y0, x, unroll=UNROLL)[1]


@attack_release.defjvp
def _(primals, tangents):
    x, attack, release, y0 = primals
    dx, d_attack, d_release, dy0 = tangents
    y = attack_release(x, attack, release, y0)
    before = jnp.concatenate([y0[None], y[:-1]])
    rising = x > before
    a = jnp.where(rising, attack, release)
    drive = (1.0 - a) * dx + (before - x) * jnp.where(rising, d_attack, d_release)
    return y, _recursion(drive, a, dy0)
