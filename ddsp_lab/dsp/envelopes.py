"""Envelopes in closed form over time: no state, so a note can begin and end anywhere, and every knob has a slope.

Times may be zero: each gets `SHORTEST_S` more, so that it moves something wherever it stands.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from .slopes import Sloped, value

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
    return value(_adsr, *(jnp.asarray(v, float) for v in (t, off_s, attack_s, decay_s, sustain, release_s, curve)))


def _adsr(t: Array, off: Array, attack: Array, decay: Array, sustain: Array, release: Array, curve: Array) -> Sloped:
    attack = attack + SHORTEST_S
    up, down, out = 1.0 / attack, 1.0 / (decay + SHORTEST_S), 1.0 / (release + SHORTEST_S)
    held_for, since = jnp.minimum(t, off), (t - off) * out
    rising, after = held_for < attack, t >= off
    place = jnp.where(rising, held_for * up, (held_for - attack) * down)
    bend, bend_slope, bend_by_curve = _bent(place, curve)
    fall, fall_slope, fall_by_curve = _bent(since, curve)
    left, step = 1.0 - fall, sustain - 1.0
    held = jnp.where(rising, bend, 1.0 + step * bend)
    speed, loss = left * bend_slope * jnp.where(rising, up, step * down), held * fall_slope * out
    return held * left, (
        jnp.where(after, 0.0, speed) - loss,
        jnp.where(after, speed, 0.0) + loss,
        -speed * jnp.where(rising, place, 1.0),
        -speed * jnp.where(rising, 0.0, place),
        left * jnp.where(rising, 0.0, bend),
        loss * since,
        left * jnp.where(rising, 1.0, step) * bend_by_curve - held * fall_by_curve,
    )


def _bent(u: Array, c: Array) -> tuple[Array, Array, Array]:
    """`bent`, and its slopes in place and curve."""
    inside, u = (u >= 0.0) & (u < 1.0), jnp.clip(u, 0.0, 1.0)
    straight = jnp.abs(c) < STRAIGHT
    safe = jnp.where(straight, 1.0, c)
    left, scale = jnp.exp(-safe * u), -1.0 / jnp.expm1(-safe)
    y = jnp.where(straight, u + 0.5 * c * u * (1.0 - u), (1.0 - left) * scale)
    slope = jnp.where(straight, 1.0 + c * (0.5 - u), safe * scale * left)
    by_curve = jnp.where(straight, 0.5 * u * (1.0 - u), u * left * scale - y * (scale - 1.0))
    return jnp.where(u < 1.0, y, 1.0), jnp.where(inside, slope, 0.0), by_curve


def dying(t: Float[Array, " t"], t60_s: Float[Array, ""]) -> Float[Array, " t"]:
    r"""$10^{-3 t / T}$, down by 60 dB after $T$ and silent before $t = 0$: how drums, strings and capacitors decay."""
    fall = (-3.0 * jnp.log(10.0)) / (t60_s + SHORTEST_S)
    return jnp.where(t < 0.0, 0.0, jnp.exp(fall * jnp.maximum(t, 0.0)))
