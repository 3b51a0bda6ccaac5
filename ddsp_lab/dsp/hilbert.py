"""Two rows of all-passes a quarter turn apart: a signal and its Hilbert transform, without latency."""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .state_space import lti
from .svf import StateSpace

SECTIONS = 10  # of both rows together
TRANSITION = 0.002  # of the sample rate, from either end of the band, where the quarter turn is not yet right


def coefficients(sections: int = SECTIONS, transition: float = TRANSITION) -> np.ndarray:
    r"""Of the sections $(c + z^{-2}) / (1 + c z^{-2})$ of an elliptic half-band filter, by theta series.

    With $k = \tan^2(\tfrac\pi4 (1 - 2 b))$ for a transition band $b$ and the nome $q$ of $k$, $v = i \pi / (2 S + 1)$:
    $w = 2 q^{1/4} \sum (-1)^j q^{j (j + 1)} \sin (2 j + 1) v \;/\; (1 + 2 \sum (-1)^j q^{j^2} \cos 2 j v)$,
    $r = \sqrt{(1 - w^2 k)(1 - w^2 / k)} / (1 + w^2)$, $c = (1 - r) / (1 + r)$.

    Reference: Valenzuela, Constantinides, "Digital signal processing schemes for efficient interpolation and
    decimation", IEE Proceedings G 130(6), 1983.
    """
    k = np.tan(np.pi / 4.0 * (1.0 - 2.0 * transition)) ** 2
    root = (1.0 - k * k) ** 0.25
    e = 0.5 * (1.0 - root) / (1.0 + root)
    q = e + 2.0 * e**5 + 15.0 * e**9 + 150.0 * e**13
    v = np.arange(1, sections + 1)[:, None] * np.pi / (2 * sections + 1)
    j, sign = np.arange(8), (-1.0) ** np.arange(8)
    above = 2.0 * q**0.25 * np.sum(sign * q ** (j * (j + 1)) * np.sin((2 * j + 1) * v), axis=1)
    below = 1.0 + 2.0 * np.sum((sign * q ** (j * j) * np.cos(2 * j * v))[:, 1:], axis=1)
    w = (above / below) ** 2
    r = np.sqrt((1.0 - w * k) * (1.0 - w / k)) / (1.0 + w)
    return (1.0 - r) / (1.0 + r)


@cache
def _row(first: int) -> tuple[np.ndarray, ...]:
    """Every other section, turned by a quarter of the sample rate, $(c - z^{-2}) / (1 - c z^{-2})$; the second row
    comes a sample later. In float64, once."""
    late, sections = first == 1, coefficients()[first::2]
    size = 2 * sections.size + late
    A, B, C, D = np.zeros((size, size)), np.zeros(size), np.zeros(size), 1.0
    for i, c in enumerate(sections):  # with u what goes in: out = c u + s1, s1' = s2, s2' = c out - u
        s1, s2 = 2 * i, 2 * i + 1
        A[s1, s2] = 1.0
        A[s2], B[s2] = (c * c - 1.0) * C, (c * c - 1.0) * D
        A[s2, s1] += c
        C, D = c * C, c * D
        C[s1] += 1.0
    if late:
        A[-1], B[-1], C, D = C, D, np.eye(size)[-1], 0.0
    return A - np.eye(size), B, C, np.asarray(D)


def no_history(channels: int) -> tuple[Float[Array, "c n"], Float[Array, "c m"]]:
    return tuple(jnp.zeros((channels, _row(i)[1].size)) for i in (0, 1))  # pyright: ignore[reportReturnType]


def quadrature(
    x: Float[Array, "c t"], state: tuple[Float[Array, "c n"], Float[Array, "c m"]]
) -> tuple[tuple[Float[Array, "c n"], Float[Array, "c m"]], tuple[Float[Array, "c t"], Float[Array, "c t"]]]:
    """The next state, and two signals with the spectrum of `x`, the second a quarter turn behind the first."""
    rows = [StateSpace(*(jnp.asarray(v, x.dtype) for v in _row(i))) for i in (0, 1)]
    (a, real), (b, imaginary) = (lti(row, x, s.astype(x.dtype)) for row, s in zip(rows, state, strict=True))
    return (a, b), (real, imaginary)
