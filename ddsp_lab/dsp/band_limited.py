"""Waves with corners and jumps, without the aliases: each jump is given the shape that a low-pass would give it."""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

REACH = 3  # samples on each side of a jump that are touched
TERMS = 7  # of the odd polynomial that a jump becomes
KEPT, STOPPED = 0.3125, 0.6875  # of the sample rate: 15 kHz at 48, and what would be mirrored to it
KEPT_COUNTS = 0.25  # as much as what is stopped, so that it errs by a quarter of a decibel, the other by 1 %


@cache
def _step() -> tuple[np.ndarray, np.ndarray]:
    r"""Coefficients of $u, u^3 \dots$ for $S(u)$, $|u| \le 1$, of `REACH` samples, from -1/2 to 1/2 and level at its
    ends, whose slope is the best low-pass in least squares; and those of $1, u^2 \dots$ for $\int_1^u S - \tfrac12$."""
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
    return step, ramp


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


def _near(turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"]) -> tuple[Float[Array, "*t"], ...]:
    """How far the last and the next full turn are, over `REACH` and held at 1 and -1."""
    scale = 1.0 / (REACH * jnp.maximum(jnp.abs(per_sample), 1e-7))
    since = turns - jnp.floor(turns)
    return jnp.minimum(since * scale, 1.0), jnp.maximum((since - 1.0) * scale, -1.0)


def saw(turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"]) -> Float[Array, "*t"]:
    r"""$2 \mathrm{frac}(\varphi + \tfrac12) - 1$: rises from -1 to 1, zero and rising at $\varphi = 0$, in sine phase.

    `turns` are cycles, `per_sample` cycles a sample: up to a third of the sample rate. A jump is the step response of a
    filter of `2 REACH` samples; aliases below 0.3125 of the sample rate are 40 dB below the harmonics that they come
    from.

    Reference: Välimäki, Pekonen, Nam, "Perceptually informed synthesis of bandlimited classical waveforms using
    integrated polynomial interpolation", Journal of the Acoustical Society of America 131(1), 2012.
    """
    turns = turns + 0.5
    since, until = _near(turns, per_sample)
    return 2.0 * (turns - jnp.floor(turns)) - 1.0 - 2.0 * (after_jump(since) + before_jump(until))


def pulse(
    turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"], width: Float[Array, "*#t"] | float = 0.5
) -> Float[Array, "*t"]:
    """2 - 2 `width` for that share of a turn, then -2 `width`: a square of 1 and -1 at a half, and no DC at any width,
    as the difference of two saws."""
    return saw(turns + 0.5 - width, per_sample) - saw(turns + 0.5, per_sample)


def _corner(turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"]) -> Float[Array, "*t"]:
    """What turns $|t|$, $t$ samples from each full turn, into its low-passed form."""
    since, until = _near(turns, per_sample)
    return 2.0 * (after_bend(since) + before_bend(until))


def triangle(turns: Float[Array, "*t"], per_sample: Float[Array, "*#t"]) -> Float[Array, "*t"]:
    """From 0 up to 1 at a quarter and down to -1 at three quarters of a turn, its corners rounded likewise."""
    quarter = turns + 0.75
    plain = 4.0 * jnp.abs(quarter - jnp.floor(quarter) - 0.5) - 1.0
    return plain + 4.0 * per_sample * (_corner(turns + 0.25, per_sample) - _corner(quarter, per_sample))


def blend(
    turns: Float[Array, "*t"],
    per_sample: Float[Array, "*#t"],
    shape: Float[Array, "*#t"],
    width: Float[Array, "*#t"] | float = 0.5,
) -> Float[Array, "*t"]:
    """Sine at `shape` 0, triangle at 1, saw at 2, pulse at 3, crossfaded between: all in sine phase."""
    waves = (
        jnp.sin(2.0 * jnp.pi * turns),
        triangle(turns, per_sample),
        saw(turns, per_sample),
        pulse(turns, per_sample, width),
    )
    return sum(jnp.maximum(1.0 - jnp.abs(shape - i), 0.0) * wave for i, wave in enumerate(waves))  # pyright: ignore[reportReturnType]
