"""Four one-pole low-passes in a loop that saturates, without a delay in the loop."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

HALLEY = 2  # steps, which leave 1e-9 for all c from 0 to 4; Newton's method takes four


def _root(free: Float[Array, "..."], loop: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The root of $h(w) = w + c \tanh w - w_0$ by Halley's method, from below: $\max(|w_0| - c, |w_0| / (1 + c))$."""
    size = jnp.abs(free)
    w = jnp.maximum(size - loop, size / (1.0 + loop))
    for _ in range(HALLEY):
        t = jnp.tanh(w)
        h, bent = w + loop * t - size, loop * (1.0 - t * t)
        slope = 1.0 + bent
        w = w - h * slope / (slope * slope + h * t * bent)
    return jnp.sign(free) * w


def _memory(s, g):
    """What the four states alone put out."""
    return (((s[0] * g + s[1]) * g + s[2]) * g + s[3]) * (1.0 - g)


def _advance(s, u, g):
    """The states after an input `u`, and the last stage's output, rounded where the smaller of the two steps ends: near
    Nyquist the states are large, and what they lose is not heard."""
    after = []
    for state in s:
        across = u - state
        u = jnp.where(g < 0.5, state + g * across, u - (1.0 - g) * across)
        after.append(u + (u - state))
    return tuple(after), u


@jax.custom_jvp
def ladder(
    x: Float[Array, " t"], g: Float[Array, " t"], k: Float[Array, " t"], s0: Float[Array, "4"]
) -> tuple[Float[Array, "4 t"], Float[Array, " t"], Float[Array, "4"]]:
    r"""$u_n = \tanh(x_n - k_n y_n)$ through four trapezoidal one-poles with the gain $g = \gamma / (1 + \gamma)$ each,
    $\gamma = \tan(\pi f / f_s)$; $y$ is what comes out of the fourth. Returns the states before each sample, $w_n =
    x_n - k_n y_n$, and the states after the last sample.

    $y = g^4 u + S(s)$ makes the loop one equation, $w + k g^4 \tanh w = x - k S$; the tangent of the whole is a linear
    recursion of four time-varying states, with coefficients known beforehand.
    """

    def tick(s, now):
        x, g, k = now
        w = _root(x - k * _memory(s, g), k * (g * g) * (g * g))
        return _advance(s, jnp.tanh(w), g)[0], (*s, w)

    end, (*s, w) = lax.scan(tick, tuple(s0), (x, g, k))
    return jnp.stack(s), w, jnp.stack(end)


@ladder.defjvp
def _(primals, tangents):
    x, g, k, s0 = primals
    dx, dg, dk, ds0 = tangents
    s, w, end = ladder(x, g, k, s0)
    u = jnp.tanh(w)
    g4 = (g * g) * (g * g)
    slope = (1.0 - u) * (1.0 + u)
    gain = 1.0 / (1.0 + k * g4 * slope)  # dw for a change of what is added to the loop

    # every sample's change of w and of each state, were it not for the states' own tangents
    held = tuple(s)
    _, d_memory = jax.jvp(lambda g: _memory(held, g), (g,), (dg,))
    dw = gain * (dx - dk * (_memory(held, g) + g4 * u) - k * (d_memory + 4.0 * g * g * g * dg * u))
    pushed = jax.jvp(lambda u, g: _advance(held, u, g)[0], (u, g), (slope * dw, dg))[1]

    def tick(ds, now):
        g, fed, *push = now
        after = _advance(ds, fed * _memory(ds, g), g)[0]
        return tuple(a + b for a, b in zip(after, push, strict=True)), ds

    fed = -slope * gain * k
    end_tangent, ds = lax.scan(tick, tuple(ds0), (g, fed, *pushed))
    return (s, w, end), (jnp.stack(ds), dw - gain * k * _memory(ds, g), jnp.stack(end_tangent))


def output(s: Float[Array, "4 t"], w: Float[Array, " t"], g: Float[Array, " t"]) -> Float[Array, " t"]:
    """What comes out of the fourth stage."""
    return _memory(tuple(s), g) + (g * g) * (g * g) * jnp.tanh(w)
