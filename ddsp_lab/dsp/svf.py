"""Second-order sections as trapezoidal state-variable filters: the same responses as the usual cookbook biquads,
with poles that stay accurate in float32 down to 1 Hz."""

from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

Kind: TypeAlias = Literal["peak", "low_shelf", "high_shelf"]
HIGHEST = 0.49  # of the sample rate: where the bilinear frequency map still has room


class Section(NamedTuple):
    r"""$H(s) = m_0 + (m_1 s + m_2) / (s^2 + k s + 1)$ with $s = (z - 1) / (g (z + 1))$."""

    g: Float[Array, "..."]
    k: Float[Array, "..."]
    m0: Float[Array, "..."]
    m1: Float[Array, "..."]
    m2: Float[Array, "..."]


class StateSpace(NamedTuple):
    r"""$s' = s + E s + B x$, $y = C s + D x$: the state matrix minus the identity, which loses nothing at low poles."""

    E: Float[Array, "n n"]
    B: Float[Array, " n"]
    C: Float[Array, " n"]
    D: Float[Array, ""]


def warp(cutoff_hz: Float[Array, "..."], sr: float) -> Float[Array, "..."]:
    r"""$g = \tan(\pi f / f_s)$, with $f$ held below 0.49 of the sample rate."""
    return jnp.tan(jnp.pi * jnp.minimum(cutoff_hz / sr, HIGHEST))


def equaliser_sections(
    kinds: tuple[Kind, ...],
    cutoff_hz: Float[Array, " bands"],
    gain_db: Float[Array, " bands"],
    q: Float[Array, " bands"],
    sr: float,
) -> Section:
    """Peaks and shelves, vectorised over bands of different kinds.

    Reference: Simper, "Solving the continuous SVF equations using trapezoidal integration", Cytomic, 2013.
    """
    low, high = np.array([k == "low_shelf" for k in kinds]), np.array([k == "high_shelf" for k in kinds])
    a = 10.0 ** (gain_db / 40.0)
    root, g, one = jnp.sqrt(a), warp(cutoff_hz, sr), jnp.ones_like(a)
    k = jnp.where(low | high, 1.0 / q, 1.0 / (q * a))
    return Section(
        g=jnp.where(low, g / root, jnp.where(high, g * root, g)),
        k=k,
        m0=jnp.where(high, a * a, one),
        m1=jnp.where(low, k * (a - 1.0), jnp.where(high, k * (1.0 - a) * a, k * (a * a - 1.0))),
        m2=jnp.where(low, a * a - 1.0, jnp.where(high, 1.0 - a * a, 0.0 * one)),
    )


def response(section: Section, frequency_hz: Float[Array, " f"], sr: float) -> Complex[Array, " f"]:
    """The cascade's exact frequency response at `frequency_hz`, shape (f,), sections along the last axis."""
    s = 1j * jnp.tan(jnp.pi * frequency_hz / sr)[:, None] / section.g
    return jnp.prod(section.m0 + (section.m1 * s + section.m2) / (s * s + section.k * s + 1.0), axis=-1)


def state_space(section: Section) -> StateSpace:
    """One section in two states."""
    g, k, m0, m1, m2 = section
    a1 = 1.0 / (1.0 + g * (g + k))
    a2 = g * a1
    a3 = g * a2
    return StateSpace(
        E=jnp.stack([jnp.stack([-2.0 * g * (g + k) * a1, -2.0 * a2]), jnp.stack([2.0 * a2, -2.0 * a3])]),
        B=jnp.stack([2.0 * a2, 2.0 * a3]),
        C=jnp.stack([m1 * a1 + m2 * a2, m2 * (1.0 - a3) - m1 * a2]),
        D=m0 + m1 * a2 + m2 * a3,
    )


def cascade(section: Section) -> StateSpace:
    r"""A row of S sections as one system of 2S states.

    The input of section $i$ is $u_i = \sum_{j<i} (\prod_{j<l<i} D_l)\, C_j s_j + (\prod_{l<i} D_l)\, x$.
    """
    e, b, c, d = jax.vmap(state_space)(section)
    count = d.shape[0]
    through = jnp.ones_like(d[0])  # how much of x reaches the section
    row = jnp.zeros_like(d)  # how much of each earlier section's C s reaches it
    rows, reach = [], []
    for i in range(count):
        rows.append(row)
        reach.append(through)
        row = (row * d[i]).at[i].set(1.0)
        through = through * d[i]
    own = jnp.einsum("ij,iab->iajb", jnp.eye(count, dtype=d.dtype), e)
    coupled = jnp.einsum("ia,ij,jb->iajb", b, jnp.stack(rows), c)
    n = 2 * count
    return StateSpace(
        E=(own + coupled).reshape(n, n),
        B=(b * jnp.stack(reach)[:, None]).reshape(n),
        C=(row[:, None] * c).reshape(n),
        D=through,
    )
