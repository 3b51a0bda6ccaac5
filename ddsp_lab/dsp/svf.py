"""Second-order sections as trapezoidal state-variable filters: the same responses as the usual cookbook biquads,
with poles that stay accurate in float32 down to 1 Hz."""

from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .trig import half_tangent

Kind: TypeAlias = Literal["peak", "low_shelf", "high_shelf"]
Plain: TypeAlias = Literal["low_pass", "high_pass", "band_pass", "notch", "all_pass"]  # without a gain
A_FEW = 64  # cutoffs: more are a curve, whose tangents would take longer than its filter
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
    r"""$g = \tan(\pi f / f_s)$, with $f$ held below 0.49 of the sample rate. A curve is taken to $5 \cdot 10^{-7}$."""
    share = jnp.minimum(cutoff_hz / sr, HIGHEST)
    return half_tangent(share) if share.size > A_FEW else jnp.tan(jnp.pi * share)


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
    low, peak, high = (
        jnp.asarray([kind == k for k in kinds], jnp.result_type(gain_db))
        for kind in ("low_shelf", "peak", "high_shelf")
    )
    nepers = np.log(10.0) / 40.0 * gain_db
    more = jnp.expm1(nepers)  # A - 1
    k = 1.0 / (q * jnp.exp(peak * nepers))
    return Section(
        g=warp(cutoff_hz, sr) * jnp.exp(0.5 * (high - low) * nepers),
        k=k,
        m0=jnp.exp(2.0 * high * nepers),
        m1=k * more * (low + peak * (more + 2.0) - high * (more + 1.0)),
        m2=(low - high) * more * (more + 2.0),
    )


def plain_section(kind: Plain, cutoff_hz: Float[Array, "..."], q: Float[Array, "..."], sr: float) -> Section:
    r"""A section without a gain, $k = 1 / Q$; the band-pass has 0 dB at its centre.

    Numerators over $s^2 + k s + 1$: low-pass $1$, high-pass $s^2$, band-pass $k s$, notch $s^2 + 1$, all-pass
    $s^2 - k s + 1$.
    """
    k = 1.0 / q
    one, zero = jnp.ones_like(k), jnp.zeros_like(k)
    m = {
        "low_pass": (zero, zero, one),
        "high_pass": (one, -k, -one),
        "band_pass": (zero, k, zero),
        "notch": (one, -k, zero),
        "all_pass": (one, -2.0 * k, zero),
    }
    return Section(warp(cutoff_hz, sr), k, *m[kind])


def first_order(g: Float[Array, ""], m0: Float[Array, ""] | float, m1: Float[Array, ""] | float) -> StateSpace:
    r"""$H(s) = m_0 + m_1 / (s + 1)$ with $s = (z - 1) / (g (z + 1))$, in one state."""
    scale = 1.0 / (1.0 + g)
    b = 2.0 * g * scale
    return StateSpace(E=-b[None, None], B=b[None], C=(m1 * scale)[None], D=m0 + m1 * g * scale)


def response(section: Section, frequency_hz: Float[Array, " f"], sr: float) -> Complex[Array, " f"]:
    """The cascade's exact frequency response at `frequency_hz`, shape (f,), sections along the last axis."""
    s = 1j * jnp.tan(jnp.pi * frequency_hz / sr)[:, None] / section.g
    return jnp.prod(section.m0 + (section.m1 * s + section.m2) / (s * s + section.k * s + 1.0), axis=-1)


def state_space(section: Section) -> StateSpace:
    """Each section in two states, sections along the first axis."""
    g, k, m0, m1, m2 = section
    scale = 1.0 / (1.0 + g * (g + k))
    b, c = 2.0 * g * scale, (m1 + m2 * g) * scale
    return StateSpace(
        E=jnp.stack([-(g + k) * b, -b, b, -g * b], axis=-1).reshape(-1, 2, 2),
        B=jnp.stack([b, g * b], axis=-1),
        C=jnp.stack([c, m2 - g * c], axis=-1),
        D=m0 + g * c,
    )


def one(section: Section) -> StateSpace:
    """A single section, given as numbers or as a row of one."""
    e, b, c, d = state_space(section)
    return StateSpace(e.reshape(2, 2), b.reshape(2), c.reshape(2), d.reshape(()))


@jax.custom_jvp
def through(d: Float[Array, " s"]) -> Float[Array, "s+1 s+1"]:
    r"""$W_{ij} = \prod_{j \le l < i} D_l$: how much of the input of section j reaches that of section i directly."""
    i, j, between = np.ogrid[: d.size + 1, : d.size + 1, : d.size]
    products = jnp.prod(jnp.where((j <= between) & (between < i), d, 1.0), axis=-1)
    return jnp.where(np.tri(d.size + 1, dtype=bool), products, 0.0)


@through.defjvp
def _(primals, tangents):
    w = through(*primals)  # the inverse of I - N, where N has D below its diagonal: dW = W dN W
    return w, jnp.matmul(w[:, 1:] * tangents[0], w[:-1], precision="highest")


def cascade(section: Section) -> StateSpace:
    r"""A row of S sections as one system of 2S states.

    The input of section $i$ is $u_i = \sum_{j<i} (\prod_{j<l<i} D_l)\, C_j s_j + (\prod_{l<i} D_l)\, x$; the output is
    that of a section after the last.
    """
    e, b, c, d = state_space(section)
    n = 2 * d.size
    w = through(d)
    reach, seen = w[:, 0], (w[:, 1:, None] * c).reshape(-1, n)
    own = (jnp.eye(d.size, dtype=d.dtype)[:, None, :, None] * e[:, :, None, :]).reshape(n, n)
    return StateSpace(
        E=own + (b[:, :, None] * seen[:-1, None]).reshape(n, n),
        B=(b * reach[:-1, None]).reshape(n),
        C=seen[-1],
        D=reach[-1],
    )
