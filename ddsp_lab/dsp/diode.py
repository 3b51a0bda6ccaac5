"""Two diodes back to back beside a resistor, and beside a capacitor too: the clipping stages of pedals."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .ballistics import recursion

HALLEY = 3  # steps, which leave 1e-10 for all b from 1e-8 to 3 and q to 1e5; Newton's method takes six


def _root(q: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The root of $h(z) = z + b \sinh z - q$ by Halley's method, from above: $\min(|q|, \mathrm{arsinh}(|q| / b))$."""
    size = jnp.abs(q)
    z = jnp.minimum(size, jnp.arcsinh(size / b))
    for _ in range(HALLEY):
        up, down = jnp.exp(z), jnp.exp(-z)
        bent = 0.5 * b * (up - down)
        h, slope = z + bent - size, 1.0 + 0.5 * b * (up + down)
        z = z - h * slope / (slope * slope - 0.5 * h * bent)
    return jnp.sign(q) * z


@jax.custom_jvp
def conducting(q: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$z + b \sinh z = q$ solved for $z$: the voltage over a resistor beside a pair of diodes, for a current."""
    return _root(q, b)


@conducting.defjvp
def _(primals, tangents):
    z = conducting(*primals)
    return z, (tangents[0] - jnp.sinh(z) * tangents[1]) / (1.0 + primals[1] * jnp.cosh(z))


@jax.custom_jvp
def diode_pair(
    u: Float[Array, " t"], a: Float[Array, ""], b: Float[Array, ""], z0: Float[Array, ""]
) -> Float[Array, " t"]:
    r"""$z_n + b \sinh z_n = a z_{n-1} + u_n$, solved for $z$ at every sample.

    By the implicit function theorem its tangent is a linear recursion: $\dot z_n (1 + b \cosh z_n) = a \dot z_{n-1} +
    \dot a z_{n-1} + \dot u_n - \dot b \sinh z_n$.
    """

    def tick(z, u):
        z = _root(a * z + u, b)
        return z, z

    return lax.scan(tick, z0, u)[1]


@diode_pair.defjvp
def _(primals, tangents):
    u, a, b, z0 = primals
    du, da, db, dz0 = tangents
    z = diode_pair(u, a, b, z0)
    before = jnp.concatenate([z0[None], z[:-1]])
    steep = 1.0 / (1.0 + b * jnp.cosh(z))

    return z, recursion(steep * (da * before + du - db * jnp.sinh(z)), a * steep, dz0)
