"""The all-pole filter between two recordings, on the host."""

import jax.numpy as jnp
import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import LinAlgError, solve_toeplitz

from .lpc import MOST, filter_to_reflection, reflections
from .transfer import measure

RIDGE = 1e-9  # of the energy
BINS = 4096  # of the response's spectrum, from 0 Hz to half the sample rate


def all_pole_fits(source: np.ndarray, reference: np.ndarray, sr: float, order: int) -> list[tuple[np.ndarray, float]]:
    r"""Reflection coefficients and the gain for white noise, by two ways; none where there is nothing to learn from.

    The inverse is a short filter, so least squares on $\|x - b * y\|^2$ gives it at once, exactly where the reference
    is such a filter's output and nothing else. What that gives is not always stable; then, and where noise or
    distortion spoils it, the envelope of the measured response serves: linear prediction of a signal with that
    spectrum.
    """
    if source.shape[1] <= 2 * order or not np.any(source) or not np.any(reference):
        return []
    return [fit for fit in (_inverse(source, reference, order), _envelope(source, reference, sr, order)) if fit]


def _inverse(source: np.ndarray, reference: np.ndarray, order: int) -> tuple[np.ndarray, float] | None:
    size = next_fast_len(source.shape[1] + order + 1, real=True)
    x, y = (rfft(np.asarray(v, np.float64), size) for v in (source, reference))
    auto, cross = (irfft((np.conj(y) * v).sum(0), size)[: order + 1] for v in (y, x))
    auto[0] *= 1.0 + RIDGE
    try:
        b = solve_toeplitz(auto, cross)
    except LinAlgError:
        return None
    if b[0] == 0.0 or not np.isfinite(b / b[0]).all():
        return None
    k = np.asarray(filter_to_reflection(jnp.asarray(b / b[0], float)), np.float64)
    if not (np.abs(k) < MOST).all():
        return None
    return k, float(1.0 / abs(b[0]) / np.sqrt(np.prod(1.0 - k * k)))


def _envelope(source: np.ndarray, reference: np.ndarray, sr: float, order: int) -> tuple[np.ndarray, float] | None:
    seen = measure(source, reference, sr)
    if seen.frequency_hz.size < 8:
        return None
    level = np.log(np.abs(seen.response) + 1e-12)
    grid = np.arange(BINS + 1) * sr / (2 * BINS)
    r = irfft(np.exp(2.0 * np.interp(grid, seen.frequency_hz, level)))[: order + 1]
    return np.asarray(reflections(jnp.asarray(r / r[0], float)), np.float64), float(np.sqrt(r[0]))
