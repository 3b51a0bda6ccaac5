"""Waves with corners and jumps, without the aliases: each jump is given the shape that a low-pass would give it.

The derivatives are written out: they are waves of the same kind, and a product for each argument is all that the
gradient of a note has to keep.
"""

from functools import cache, partial

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .slopes import Sloped, value
from .trig import cosine, sine

REACH = 3  # samples on each side of a jump that are touched
TERMS = 7  # of the odd polynomial that a jump becomes
KEPT, STOPPED = 0.3125, 0.6875  # of the sample rate: 15 kHz at 48, and what would be mirrored to it
KEPT_COUNTS = 0.25  # as much as what is stopped, so that it errs by a quarter of a decibel, the other by 1 %


@cache
def _step() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Coefficients of $u, u^3 \dots$ for $S(u)$, $|u| \le 1$, of `REACH` samples, from -1/2 to 1/2 and level at its
    ends, whose slope is the best low-pass in least squares; those of $1, u^2 \dots$ for $\int_1^u S - \tfrac12$, and
    for $S'(u) / (1 - u^2)$."""
    node, weight = np.polynomial.legendre.leggauss(64)
    f = np.concatenate([np.linspace(0.0, KEPT, 40), np.linspace(STOPPED, 3.0, 200)])
    passes = f <= KEPT
    counts = np.where(passes, KEPT_COUNTS**0.5, (40 / 200 * 3.0) ** 0.5)
    power = 2 * np.arange(TERMS) + 1
    slopes = power[:, None] * node ** (power[:, None] - 1)
    response = (np.cos(2.0 * np.pi * REACH * np.outer(f, node)) * weight) @ slopes.T
    ends = np.stack([np.ones(TERMS), power])
    normal = response.T * counts**2
    system = np.block([[normal @ response, ends.T], [ends, np.zeros((2, 2))]])
    step = np.linalg.solve(system, np.concatenate([normal @ passes, [0.5, 0.0]]))[:TERMS]
    ramp = np.concatenate([[0.0], step / (power + 1)])
    ramp[0] = 0.5 - ramp.sum()  # so that it meets |u| / 2 at the ends
    return step, ramp, np.cumsum(step * power)[:-1]  # divided by 1 - u^2: what remains of the last sum is none


def _even(coefficients: np.ndarray, u: Float[Array, "*t"]) -> Float[Array, "*t"]:
    square, sum_ = u * u, jnp.zeros_like(u)
    for c in coefficients[::-1]:
        sum_ = sum_ * square + float(c)
    return sum_


def after_jump(u: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """What turns a jump of 1, `u` times `REACH` samples ago, into its low-passed form; `u` is held at 1."""
    return u * _even(_step()[0], u) - 0.5


def before_jump(u: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """The same of one that comes: `u` is negative and held at -1."""
    return u * _even(_step()[0], u) + 0.5


def after_bend(u: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """The same of a slope that rises by 1 a sample."""
    return REACH * (_even(_step()[1], u) - 0.5 * u)


def before_bend(u: Float[Array, "*t"]) -> Float[Array, "*t"]:
    return REACH * (_even(_step()[1], u) + 0.5 * u)


def _near(turns: Array, per_sample: Array) -> tuple[Array, Array, Array]:
    """How far the last and the next full turn are, over `REACH` and held at 1 and -1; and what a turn is in that."""
    scale = 1.0 / (REACH * jnp.maximum(jnp.abs(per_sample), 1e-7))
    since = turns - jnp.floor(turns)
    return jnp.minimum(since * scale, 1.0), jnp.maximum((since - 1.0) * scale, -1.0), scale


def _edges(turns: Array, per_sample: Array) -> Sloped:
    """What a jump by 1 at each full turn gains by its shape."""
    _, _, slope = _step()
    since, until, scale = _near(turns, per_sample)
    rise, fall = ((1.0 - u * u) * _even(slope, u) for u in (since, until))
    slopes = scale * (rise + fall), -REACH * scale * jnp.sign(per_sample) * (since * rise + until * fall)
    return after_jump(since) + before_jump(until), slopes


def _corner(turns: Array, per_sample: Array) -> Sloped:
    """What turns $|t|$, $t$ samples from each full turn, into its low-passed form."""
    since, until, scale = _near(turns, per_sample)
    rise, fall = after_jump(since), before_jump(until)
    by_turns, by_step = rise + fall, -REACH * jnp.sign(per_sample) * (since * rise + until * fall)
    corner = 2.0 * (after_bend(since) + before_bend(until))
    return corner, (2.0 * REACH * scale * by_turns, 2.0 * REACH * scale * by_step)


def _sine(turns: Array, per_sample: Array) -> Sloped:
    return sine(turns), (2.0 * jnp.pi * cosine(turns), jnp.zeros_like(turns))


def _triangle(turns: Array, per_sample: Array) -> Sloped:
    quarter = turns + 0.75
    place = quarter - jnp.floor(quarter) - 0.5
    up, by_up = _corner(turns + 0.25, per_sample)
    down, by_down = _corner(quarter, per_sample)
    by_turns, by_step = (4.0 * per_sample * (a - b) for a, b in zip(by_up, by_down, strict=True))
    y = 4.0 * jnp.abs(place) - 1.0 + 4.0 * per_sample * (up - down)
    return y, (4.0 * jnp.sign(place) + by_turns, 4.0 * (up - down) + by_step)


def _saw(turns: Array, per_sample: Array) -> Sloped:
    turns = turns + 0.5
    edges, (by_turns, by_step) = _edges(turns, per_sample)
    return 2.0 * (turns - jnp.floor(turns)) - 1.0 - 2.0 * edges, (2.0 - 2.0 * by_turns, -2.0 * by_step)


def _pulse(turns: Array, per_sample: Array, width: Array) -> Sloped:
    first, by_first = _saw(turns + 0.5 - width, per_sample)
    second, by_second = _saw(turns + 0.5, per_sample)
    return first - second, (by_first[0] - by_second[0], by_first[1] - by_second[1], -by_first[0])


def _mixed(
    first: int, last: int, turns: Array, per_sample: Array, shape: Array, width: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """The waves from `first` to `last` by how near `shape` is to each, and the slopes; in `shape`, to its right."""
    place = jnp.clip(jnp.floor(shape), 0.0, 2.0)
    y = by_turns = by_step = by_shape = by_width = jnp.zeros_like(turns)
    for i in range(first, last + 1):
        wave, slopes = (_sine, _triangle, _saw, partial(_pulse, width=width))[i](turns, per_sample)
        weight = jnp.maximum(1.0 - jnp.abs(shape - i), 0.0)
        y, by_turns, by_step = y + weight * wave, by_turns + weight * slopes[0], by_step + weight * slopes[1]
        by_shape = by_shape + jnp.where(place == i - 1, wave, jnp.where(place == i, -wave, 0.0))
        by_width = weight * slopes[2] if i == 3 else by_width
    return y, by_turns, by_step, by_shape, by_width


def _blend(turns: Array, per_sample: Array, shape: Array, width: Array) -> Sloped:
    if jnp.ndim(shape):
        y, *slopes = _mixed(0, 3, turns, per_sample, shape, width)
    else:
        pairs = [partial(_mixed, i, i + 1) for i in range(3)]
        which = jnp.clip(jnp.floor(shape), 0, 2).astype(jnp.int32)
        y, *slopes = lax.switch(which, pairs, turns, per_sample, shape, width)
    return y, tuple(slopes)


def saw(turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"]) -> Float[Array, "*t"]:
    r"""$2 \mathrm{frac}(\varphi + \tfrac12) - 1$: rises from -1 to 1, zero and rising at $\varphi = 0$, in sine phase.

    `turns` are cycles, `per_sample` cycles a sample: up to a third of the sample rate. A jump is the step response of a
    filter of `2 REACH` samples; aliases below 0.3125 of the sample rate are 40 dB below the harmonics that they come
    from.

    Reference: Välimäki, Pekonen, Nam, "Perceptually informed synthesis of bandlimited classical waveforms using
    integrated polynomial interpolation", Journal of the Acoustical Society of America 131(1), 2012.
    """
    return value(_saw, turns, per_sample)


def pulse(
    turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"], width: Float[Array, "*#t"] | float = 0.5
) -> Float[Array, "*t"]:
    """2 - 2 `width` for that share of a turn, then -2 `width`: a square of 1 and -1 at a half, and no DC at any width,
    as the difference of two saws."""
    return value(_pulse, turns, per_sample, jnp.asarray(width))


def triangle(turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"]) -> Float[Array, "*t"]:
    """From 0 up to 1 at a quarter and down to -1 at three quarters of a turn, its corners rounded likewise."""
    return value(_triangle, turns, per_sample)


def blend(
    turns: Float[Array, "*t"],
    per_sample: Float[Array, "*#t"],
    shape: Float[Array, "*#t"],
    width: Float[Array, "*#t"] | float = 0.5,
) -> Float[Array, "*t"]:
    """Sine at `shape` 0, triangle at 1, saw at 2, pulse at 3, crossfaded between: all in sine phase.

    For one `shape` throughout only the two waves are computed that it is between. Where two such pairs meet, the slope
    in `shape` is that to the right.
    """
    return value(_blend, turns, per_sample, shape, jnp.asarray(width))
