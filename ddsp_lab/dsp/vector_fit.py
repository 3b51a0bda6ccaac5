"""Poles and zeros of a linear filter from its input and output, without a first guess."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

REAL = 1e-9  # a pole whose imaginary part is relatively smaller than this is real
SLOWEST = 1e-5  # poles are kept this far, in the warped s-plane, from the imaginary axis

Roots: TypeAlias = NDArray[np.complexfloating]


class Rational(NamedTuple):
    """A filter in the warped s-plane, $s = (z - 1) / (z + 1)$, and its relative error on the signals."""

    poles: Roots
    zeros: Roots
    error: float


def whitener(x: np.ndarray, order: int) -> np.ndarray:
    """The prediction-error filter of a signal: run over input and output alike, it makes quiet bands count."""
    power = np.abs(np.fft.rfft(x, 2 * x.size)) ** 2
    r = np.fft.irfft(power)[: order + 1]
    r[0] *= 1.0 + 1e-9
    return np.concatenate([[1.0], -solve_toeplitz(r[:-1], r[1:])])


def vector_fit(
    x: np.ndarray, y: np.ndarray, order: int, sr: float, rounds: int = 10, settled: float = 1e-4
) -> Rational:
    r"""Fit $y = H x$ with $H$ of `order` poles and as many zeros by time-domain vector fitting.

    With current poles $a_i$ and the partial fractions $\varphi_i = 1 / (s - a_i)$ run as filters, the linear problem
    $\sum_i c_i\,\varphi_i x + d\,x - \sum_i \tilde c_i\,\varphi_i y = y$ is exact for exact data; the zeros of
    $1 + \sum_i \tilde c_i \varphi_i$ are the next poles. Signals are `(samples,)` in float64.

    References: Gustavsen, Semlyen, "Rational approximation of frequency domain responses by vector fitting", IEEE
    Trans. Power Delivery 14(3), 1999; Grivet-Talocia, "Package macromodeling via time-domain vector fitting", IEEE
    Microwave and Wireless Components Letters 13(11), 2003.
    """
    middle = np.tan(np.pi * np.geomspace(40.0, 0.3 * sr, order // 2) / sr)
    poles = np.concatenate([middle * (-0.3 + 1j), middle * (-0.3 - 1j)])
    for _ in range(rounds):
        real, pairs = _grouped(poles)
        fx, fy = (_fractions(real, pairs, v) for v in (x, y))
        c = _least_squares(np.column_stack([fx, x, -fy]), y)
        before, poles = poles, _stable(_roots(real, pairs, c[order + 1 :], 1.0))
        if np.abs(np.sort(np.abs(poles)) / np.sort(np.abs(before)) - 1.0).max() < settled:
            break
    real, pairs = _grouped(poles)
    basis = np.column_stack([_fractions(real, pairs, x), x])
    c = _least_squares(basis, y)
    error = float(np.sum((basis @ c - y) ** 2) / np.sum(y**2))
    return Rational(poles, _stable(_roots(real, pairs, c[:-1], c[-1] or 1e-12)), error)


def _grouped(poles: Roots) -> tuple[np.ndarray, Roots]:
    """Real poles, and one of each conjugate pair."""
    is_real = np.abs(poles.imag) <= REAL * np.abs(poles)
    return poles[is_real].real, poles[~is_real & (poles.imag > 0.0)]


def _fractions(real: np.ndarray, pairs: Roots, x: np.ndarray) -> np.ndarray:
    """`x` through every partial fraction; a conjugate pair gives the real basis of its two."""
    columns = [_one_pole(a, x) for a in real]
    for a in pairs:
        f = _one_pole(a, x.astype(complex))
        columns += [2.0 * np.real(f), -2.0 * np.imag(f)]
    return np.stack(columns, axis=1)


def _one_pole(a: complex, x: np.ndarray) -> np.ndarray:
    return lfilter([1.0, 1.0], [1.0 - a, -(1.0 + a)], x)


def _roots(real: np.ndarray, pairs: Roots, c: np.ndarray, d: float) -> Roots:
    """The zeros of $d + \\sum c_i \\varphi_i$: eigenvalues of the state matrix with the output fed back."""
    n = real.size + 2 * pairs.size
    a, b = np.zeros((n, n)), np.zeros(n)
    for i, pole in enumerate(real):
        a[i, i], b[i] = pole, 1.0
    for i, pole in zip(range(real.size, n, 2), pairs, strict=True):
        a[i : i + 2, i : i + 2] = [[pole.real, pole.imag], [-pole.imag, pole.real]]
        b[i] = 2.0
    return np.linalg.eigvals(a - np.outer(b, c) / d).astype(complex)


def _stable(roots: Roots) -> Roots:
    """The same magnitudes in the left half plane."""
    return -np.maximum(np.abs(roots.real), SLOWEST) + 1j * roots.imag


def _least_squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    scale = np.linalg.norm(a, axis=0) + 1e-300
    a = a / scale
    return np.linalg.lstsq(a.T @ a, a.T @ b, rcond=None)[0] / scale
