r"""Means of curves over an interval, $\frac{1}{b - a} \int_a^b f$: a curve so averaged from sample to sample adds less
above Nyquist.

Taking the difference of an antiderivative and dividing it by a small $b - a$ would leave float32 few digits, so each
form here keeps the difference small by algebra, or leaves the quotient for a quadrature before it loses any.

Reference: Parker, Zavalishin, Le Bivic, "Reducing the aliasing of nonlinear waveshaping using continuous-time
convolution", DAFx, 2016.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

NEAR = 0.25  # tanh: below this width three points of quadrature are exact to float32
POINTS = tuple(zip(*np.polynomial.legendre.leggauss(3), strict=True))


def clip_mean(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""Of $\mathrm{clip}(v, -1, 1)$: with $c$ the clipped ends and $e$ what was cut off, it is $\bar c + \bar e\,
    (c_b - c_a) / (b - a)$; the secant's rounding meets an excess no larger than $b - a$ wherever the curve bends."""
    ca, cb = jnp.clip(a, -1.0, 1.0), jnp.clip(b, -1.0, 1.0)
    still = b == a
    secant = jnp.where(still, 0.0, cb - ca) / jnp.where(still, 1.0, b - a)
    return 0.5 * (ca + cb + secant * ((a - ca) + (b - cb)))


def sine_mean(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""Of $\sin$: that of the middle times $\mathrm{sinc}$ of half the width."""
    return jnp.sin(0.5 * (a + b)) * jnp.sinc((b - a) * (0.5 / np.pi))


def tanh_mean(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""Of $\tanh$: $\ln \cosh v = |v| + \ln(1 + e^{-2 |v|}) - \ln 2$, its two parts subtracted apart, or three points
    of Gauss-Legendre quadrature where $b - a$ is small."""
    width = b - a
    near = jnp.abs(width) < NEAR
    size_a, size_b = jnp.abs(a), jnp.abs(b)
    rise = (size_b - size_a) + (jnp.log1p(jnp.exp(-2.0 * size_b)) - jnp.log1p(jnp.exp(-2.0 * size_a)))
    middle, half = 0.5 * (a + b), 0.5 * jnp.where(near, width, 0.0)
    points = sum(0.5 * w * jnp.tanh(middle + t * half) for t, w in POINTS)
    return jnp.where(near, points, rise / jnp.where(near, 1.0, width))
