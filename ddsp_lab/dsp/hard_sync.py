"""Hard sync: a wave that another one starts anew, without the aliases of the jumps that this makes."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from .band_limited import REACH, after_bend, after_jump, before_bend, before_jump

JUMP, BEND = (after_jump, before_jump), (after_bend, before_bend)
Residuals = tuple[Callable[[Array], Array], Callable[[Array], Array]]


def _plain(s: Float[Array, "*t"], shape: list[Array], width: Array | float) -> tuple[Array, Array]:
    """The waves of `band_limited.blend` with their jumps and bends, and their slopes in a turn, each as it is after a
    jump."""
    quarter, half, late, turn = (v - jnp.floor(v) for v in (s + 0.75, s + 0.5, s - width, s))
    values = (jnp.sin(2.0 * jnp.pi * s), 4.0 * jnp.abs(quarter - 0.5) - 1.0, 2.0 * half - 1.0, 2.0 * (late - turn))
    slopes = (2.0 * jnp.pi * jnp.cos(2.0 * jnp.pi * s), jnp.where(quarter < 0.5, -4.0, 4.0), 2.0, 0.0)
    value, slope = (sum(w * v for w, v in zip(shape, of, strict=True)) for of in (values, slopes))
    return jnp.asarray(value), jnp.asarray(slope)


def synced(
    turns: Float[Array, "*t"],
    per_sample: Float[Array, "*#t"],
    ratio: Float[Array, "*#t"] | float,
    shape: Float[Array, "*#t"],
    width: Float[Array, "*#t"] | float = 0.5,
) -> Float[Array, "*t"]:
    r"""$w(r\,\mathrm{frac}(\varphi))$: the waves of `band_limited.blend` at `ratio` times the frequency, 1 or more,
    begun anew at each whole one of `turns`.

    Every jump, those of the wave and the one where it begins anew, is the step response of the same low-pass as there,
    and every bend likewise. `per_sample * ratio` may be up to a third.

    Reference: Brandt, "Hard sync without aliasing", ICMC, 2001.
    """
    master = turns - jnp.floor(turns)
    r, fast = jnp.asarray(ratio, master.dtype), ratio * jnp.maximum(per_sample, 1e-7)
    weights = [jnp.maximum(1.0 - jnp.abs(shape - i), 0.0) for i in range(4)]
    s = r * master

    def ago(far: Array, residuals: Residuals) -> Array:
        return residuals[0](jnp.minimum(far / (REACH * fast), 1.0))

    def ahead(far: Array, residuals: Residuals) -> Array:
        return residuals[1](jnp.maximum(-far / (REACH * fast), -1.0))

    def about(place: Array | float, residuals: Residuals) -> Array:
        """Of each time that the wave passes `place` within a turn: last, next, last before it began anew, and first
        after it will. What stands at its beginning is not one of them."""
        done, last = jnp.floor(s - place), jnp.floor(r - place)
        first = jnp.where(jnp.asarray(place) > 0.0, place, 1.0)
        return (
            jnp.where((done >= 0.0) & (done + place > 0.0), ago(s - place - done, residuals), 0.0)
            + jnp.where((done < last) & (done + 1.0 + place > 0.0), ahead(done + 1.0 + place - s, residuals), 0.0)
            + jnp.where((last >= 0.0) & (last + place > 0.0), ago(s + r - last - place, residuals), 0.0)
            + jnp.where(first <= r, ahead(r - s + first, residuals), 0.0)
        )

    plain, _ = _plain(s, weights, width)
    begins, steep = _plain(jnp.zeros_like(s), weights, width)
    ends, sloped = _plain(r + jnp.zeros_like(s), weights, width)
    anew = (begins - ends) * (ago(s, JUMP) + ahead(r - s, JUMP))
    anew = anew + fast * (steep - sloped) * (ago(s, BEND) + ahead(r - s, BEND))
    corners = 8.0 * fast * weights[1] * (about(0.75, BEND) - about(0.25, BEND))
    edges = weights[3] * (about(0.0, JUMP) - about(width, JUMP)) - weights[2] * about(0.5, JUMP)
    return plain + anew + corners + 2.0 * edges
