"""What turns levels into gains: detectors, static curves with a rounded knee, and windows that slide."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .ballistics import attack_release, time_constant

NARROWEST_KNEE_DB = 0.01  # a hard knee's second derivative is infinite; this one is inaudible


def detected(x: Float[Array, "c t"], link: bool) -> Float[Array, "d t"]:
    """Power of each channel, or of the loudest where they are linked."""
    power = x * x
    return jnp.max(power, axis=0, keepdims=True) if link and x.shape[0] > 1 else power


def detectors(channels: int, link: bool) -> int:
    return 1 if link else channels


def over(excess_db: Float[Array, "*d t"], knee_db: Float[Array, "..."] | float) -> Float[Array, "*d t"]:
    r"""$\max(o, 0)$, rounded over the knee's width $W$: for $2 |o| < W$ the parabola $(o + W / 2)^2 / (2 W)$.

    Reference: Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012, eq. 4.
    """
    knee = jnp.maximum(knee_db, NARROWEST_KNEE_DB)
    above = excess_db + 0.5 * knee  # the knee's beginning
    above = jnp.where(above > 0.0, above, 0.0)
    inside = jnp.where(above < knee, above, knee)  # the parabola up to the knee's end, then the straight line
    return inside * inside / (2.0 * knee) + (above - inside)


def followed(
    wanted: Float[Array, "d t"],
    rise_ms: Float[Array, "..."],
    fall_ms: Float[Array, "..."],
    sr: float,
    state: Float[Array, " d"],
) -> tuple[Float[Array, " d"], Float[Array, "d t"]]:
    """Each row by a branching one-pole, with times for all rows or one a row; the state is the last sample."""
    rise, fall = (time_constant(1e-3 * ms, sr) for ms in (rise_ms, fall_ms))
    rows = 0 if jnp.ndim(rise) else None
    y = jax.vmap(attack_release, (0, rows, rows, 0))(wanted, rise, fall, state.astype(wanted.dtype))
    return y[:, -1], y


def sliding_max(before: Float[Array, "d h"], x: Float[Array, "d t"]) -> tuple[Float[Array, "d h"], Float[Array, "d t"]]:
    """The largest of each sample and the h before it, by windows that double; returns the next `before` too."""
    line, width, length = jnp.concatenate([before.astype(x.dtype), x], axis=1), 1, before.shape[1] + 1
    y = line
    while width < length:
        more = min(width, length - width)
        y = jnp.maximum(y[:, more:], y[:, :-more])
        width += more
    return line[:, x.shape[1] :], y


def sliding_mean(
    before: Float[Array, "d h"], x: Float[Array, "d t"]
) -> tuple[Float[Array, "d h"], Float[Array, "d t"]]:
    """The mean of each sample and the h before it, from sums whose lengths are powers of two: no sum runs on and on,
    so none loses precision."""
    line, length, samples = jnp.concatenate([before.astype(x.dtype), x], axis=1), before.shape[1] + 1, x.shape[1]
    total, done, part, width = jnp.zeros_like(x), 0, line, 1
    while width <= length:
        if length & width:
            first = before.shape[1] - done - (width - 1)  # `part[i]` sums the line from i on
            total += part[:, first : first + samples]
            done += width
        part, width = part[:, width:] + part[:, :-width], 2 * width
    return line[:, samples:], total / length
