"""A row of first-order all-passes that move together, in a loop."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .linear_map import linear_map
from .recursion import affine_scan
from .svf import HIGHEST


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def rotation(corner_hz: Float[Array, " t"], sr: float) -> Float[Array, "2 t"]:
    r"""$a, b$ with $a = (g - 1) / (g + 1)$, $b = \sqrt{1 - a^2}$, $g = \tan(\omega / 2)$, $\omega = 2 \pi f / f_s$: the
    all-pass that has turned the phase by a quarter at `corner_hz`. That is $-\cos\omega$ and $\sqrt{2 \sin\omega\,(1 +
    \sin\omega)}$, both over $1 + \sin\omega$."""
    w = 2.0 * jnp.pi * jnp.minimum(corner_hz / sr, HIGHEST)
    sine = jnp.sin(w)
    scale = 1.0 / (1.0 + sine)
    return jnp.stack([-jnp.cos(w) * scale, jnp.sqrt(2.0 * sine * scale)])


@rotation.defjvp
def _(sr, primals, tangents):
    r"""Of the angle whose cosine is $a$, $d\theta / d\omega = -(1 + a^2) / 2 b$."""
    (corner_hz,), (change,) = primals, tangents
    a, b = ab = rotation(corner_hz, sr)
    turn = jnp.where(corner_hz < HIGHEST * sr, -jnp.pi / sr * change, 0.0) * (1.0 + a * a) / b
    return ab, jnp.stack([-b * turn, a * turn])


def _row(v: Array, added: list[Array], a: Array) -> list[Array]:
    """`v` and after it `v = a v + p` for each $p$. Two at a time, so that what waits for the sample before is
    half as long: a processor spends its time waiting here."""
    signals, squared = [v], a * a
    for p, q in zip(added[::2], added[1::2], strict=True):
        signals += [a * v + p, squared * v + (a * p + q)]
        v = signals[-1]
    return signals


def _run(
    x: Float[Array, " t"], ab: Float[Array, "2 t"], feedback: Float[Array, ""], start: Float[Array, " s"], inside: bool
) -> tuple[Float[Array, " s"], tuple[Float[Array, " t"], ...]]:
    """The states at the end, and the signal after the last stage; `inside`, also those before each."""

    def tick(state, inputs):
        x, a, b = inputs
        *inner, out = state
        signals = _row(x + feedback * out, [b * s for s in inner], a)
        moved = [b * v - a * s for v, s in zip(signals, inner, strict=False)]
        return (*moved, signals[-1]), tuple(signals if inside else signals[-1:])

    end, signals = affine_scan(tick, tuple(start), (x, *ab))
    return jnp.stack(end), signals


@jax.custom_jvp
def phase_shift(
    x: Float[Array, " t"], ab: Float[Array, "2 t"], feedback: Float[Array, ""], start: Float[Array, " s"]
) -> tuple[Float[Array, " s"], Float[Array, " t"]]:
    r"""$s$ - 1 all-passes, an even number, after one another, $u_n = x_n + g\,y_{n-1}$ going in and $y$ coming out.

    A stage with input $v$, output $w$ and state $q$ is the reflection $w = a v + b q$, $q' = b v - a q$ with $a =
    \cos\theta$, $b = \sin\theta$. It keeps $w^2 + q'^2 = v^2 + q^2$ however `ab`, its $a$ and $b$, move, so that the
    loop is stable for $|g| < 1$. As $\partial w / \partial\theta = -q'$ and $\partial q' / \partial\theta = w$, the
    tangent is the same row of stages with $-\dot\theta q'$ and $\dot\theta w$ added, and as a reflection is its own
    transpose, the adjoint is the row from its end to its beginning. `start` holds the states and the last $y$.

    Reference: Gray, Markel, "A normalized digital filter structure", IEEE TASSP 23(3), 1975.
    """
    end, (y,) = _run(x, ab, feedback, start, inside=False)
    return end, y


@phase_shift.defjvp
def _(primals, tangents):
    x, ab, feedback, start = primals
    dx, dab, d_feedback, d_start = tangents
    end, signals = _run(x, ab, feedback, start, inside=True)
    y = signals[-1]
    before = jnp.concatenate([start[-1:], y[:-1]])
    one_b = 1.0 / ab[1]

    def states(a, one_b, signals):
        """Those to which the stages have moved."""
        return [(v - a * w) * one_b for v, w in pairwise(signals)]

    def forwards(change):
        def tick(state, inputs):
            dx, turn, a, b, one_b, *signals = inputs
            *inner, out = state
            d = dx + feedback * out
            moved = []
            for s, w, after in zip(inner, signals[1:], states(a, one_b, signals), strict=True):
                moved.append(b * d - a * s + turn * w)
                d = a * d + b * s - turn * after
            return (*moved, d), d

        dx, turn, d_start = change
        d_end, dy = affine_scan(tick, tuple(d_start), (dx, turn, *ab, one_b, *signals))
        return jnp.stack(d_end), dy

    def backwards(pulled):
        def tick(state, inputs):
            heard, a, b, one_b, *signals = inputs
            *inner, out = state
            back = _row(heard + out, [b * s for s in inner[::-1]], a)
            moved = [b * v - a * s for v, s in zip(back, inner[::-1], strict=False)]
            turned = [
                s * w - v * after
                for s, w, v, after in zip(inner, signals[1:], back[-2::-1], states(a, one_b, signals), strict=True)
            ]
            return (*moved[::-1], feedback * back[-1]), (back[-1], sum(turned))

        start, (dx, turn) = affine_scan(tick, tuple(pulled[0]), (pulled[1], *ab, one_b, *signals), reverse=True)
        return dx, turn, jnp.stack(start)

    turn = ab[0] * dab[1] - ab[1] * dab[0]
    change = linear_map(forwards, backwards, forwards, (dx + d_feedback * before, turn, d_start))
    return (end, y), change
