"""Envelopes in closed form over time: no state, so a note can begin and end anywhere, and every knob has a slope.

Times may be zero: each gets `SHORTEST_S` more, so that it moves something wherever it stands.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

SHORTEST_S = 1e-4  # five samples at 48 kHz: a click's worth of slope, and of gradient
STRAIGHT = 1e-2  # bends smaller than this are a parabola to within a millionth


def bent(u: Float[Array, "*t"], curve: Float[Array, ""] | float) -> Float[Array, "*t"]:
    r"""$(1 - e^{-c u}) / (1 - e^{-c})$ from 0 to 1 for $u$ held between 0 and 1.

    A straight line at $c = 0$; with $c > 0$ steep first, as a capacitor charges, with $c < 0$ steep last.
    """
    u, c = jnp.clip(u, 0.0, 1.0), jnp.asarray(curve, u.dtype)
    straight = jnp.abs(c) < STRAIGHT
    safe = jnp.where(straight, 1.0, c)
    return jnp.where(straight, u + 0.5 * c * u * (1.0 - u), jnp.expm1(-safe * u) / jnp.expm1(-safe))


def segments(
    t: Float[Array, " t"],
    times_s: Sequence[Float[Array, ""]] | Float[Array, " n"],
    levels: Sequence[Float[Array, ""]] | Float[Array, " n+1"],
    curves: Sequence[Float[Array, ""] | float] | Float[Array, " n"],
) -> Float[Array, " t"]:
    """From the first of `levels` to the next within each of `times_s`, `bent` by each of `curves`: the first level
    before $t = 0$, the last for ever after."""
    level, begins = jnp.full_like(t, levels[0]), jnp.zeros((), t.dtype)
    for i in range(len(times_s)):
        seconds = times_s[i] + SHORTEST_S
        level = level + (levels[i + 1] - levels[i]) * bent((t - begins) / seconds, curves[i])
        begins = begins + seconds
    return level


def adsr(
    t: Float[Array, " t"],
    off_s: Float[Array, ""] | float,
    attack_s: Float[Array, ""],
    decay_s: Float[Array, ""],
    sustain: Float[Array, ""],
    release_s: Float[Array, ""],
    curve: Float[Array, ""] | float = 0.0,
) -> Float[Array, " t"]:
    r"""Attack from 0 to 1, decay to `sustain`, and from `off_s` on release to 0, at the times `t` in s since the onset.

    $e(\min(t, t_\mathrm{off}))\,(1 - b((t - t_\mathrm{off}) / r))$ with $e$ the envelope of a note that is held and $b$
    the bend: the release begins wherever the note has come to, be it inside the attack.
    """
    t = jnp.asarray(t)
    one, none = jnp.ones((), t.dtype), jnp.zeros((), t.dtype)
    held = segments(jnp.minimum(t, off_s), (attack_s, decay_s), (none, one, sustain), (curve, curve))
    return held * (1.0 - bent((t - off_s) / (release_s + SHORTEST_S), curve))


def dying(t: Float[Array, " t"], t60_s: Float[Array, ""]) -> Float[Array, " t"]:
    r"""$10^{-3 t / T}$, down by 60 dB after $T$ and silent before $t = 0$: how drums, strings and capacitors decay."""
    fall = (-3.0 * jnp.log(10.0)) / (t60_s + SHORTEST_S)
    return jnp.where(t < 0.0, 0.0, jnp.exp(fall * jnp.maximum(t, 0.0)))
