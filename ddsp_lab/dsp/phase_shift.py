"""A row of first-order all-passes that move together, in a loop."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .recursion import affine_scan
from .svf import warp


def rotation(corner_hz: Float[Array, " t"], sr: float) -> Float[Array, "2 t"]:
    r"""$a, b$ with $a = (g - 1) / (g + 1)$, $b = \sqrt{1 - a^2} = 2 \sqrt g / (1 + g)$, $g = \tan(\pi f / f_s)$: the
    all-pass that has turned the phase by a quarter at `corner_hz`."""
    g = warp(corner_hz, sr)
    return jnp.stack([(g - 1.0) / (g + 1.0), 2.0 * jnp.sqrt(g) / (1.0 + g)])


def _run(
    x: Float[Array, " t"], ab: Float[Array, "2 t"], feedback: Float[Array, ""], start: Float[Array, " s"]
) -> tuple[Float[Array, " s"], Float[Array, "t s"]]:
    """The states at the end, and the signals before each stage and after the last."""

    def tick(state, inputs):
        x, a, b = inputs
        *inner, out = state
        signals = [x + feedback * out]
        for s in inner:
            signals.append(a * signals[-1] + b * s)
        moved = [b * v - a * s for v, s in zip(signals, inner, strict=False)]
        return (*moved, signals[-1]), tuple(signals)

    end, signals = affine_scan(tick, tuple(start), (x, *ab))
    return jnp.stack(end), jnp.stack(signals, axis=1)


@jax.custom_jvp
def phase_shift(
    x: Float[Array, " t"], ab: Float[Array, "2 t"], feedback: Float[Array, ""], start: Float[Array, " s"]
) -> tuple[Float[Array, " s"], Float[Array, " t"]]:
    r"""$s$ - 1 all-passes after one another, $u_n = x_n + g\,y_{n-1}$ going in and $y$ coming out.

    A stage with input $v$, output $w$ and state $q$ is the reflection $w = a v + b q$, $q' = b v - a q$ with $a =
    \cos\theta$, $b = \sin\theta$. It keeps $w^2 + q'^2 = v^2 + q^2$ however `ab`, its $a$ and $b$, move, so that the
    loop is stable for $|g| < 1$. As $\partial w / \partial\theta = -q'$ and $\partial q' / \partial\theta = w$, the
    tangent is the same row of stages with $-\dot\theta q'$ and $\dot\theta w$ added. `start` holds the states and the
    last $y$.

    Reference: Gray, Markel, "A normalized digital filter structure", IEEE TASSP 23(3), 1975.
    """
    end, signals = _run(x, ab, feedback, start)
    return end, signals[:, -1]


@phase_shift.defjvp
def _(primals, tangents):
    x, ab, feedback, start = primals
    dx, dab, d_feedback, d_start = tangents
    end, signals = _run(x, ab, feedback, start)
    y = signals[:, -1]
    before = jnp.concatenate([start[-1:], y[:-1]])
    turn = ab[0] * dab[1] - ab[1] * dab[0]

    def tick(state, inputs):
        dx, turn, a, b, one_b, signals = inputs
        *inner, out = state
        d = dx + feedback * out
        moved = []
        for i, s in enumerate(inner):
            after = (signals[i] - a * signals[i + 1]) * one_b  # the state that the stage has moved to
            moved.append(b * d - a * s + turn * signals[i + 1])
            d = a * d + b * s - turn * after
        return (*moved, d), d

    d_end, dy = affine_scan(tick, tuple(d_start), (dx + d_feedback * before, turn, *ab, 1.0 / ab[1], signals))
    return (end, y), (jnp.stack(d_end), dy)
