"""How loud a tone and its harmonics are from moment to moment, on the host."""

import numpy as np
from jaxtyping import Float, Int
from scipy.fft import next_fast_len, rfft
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from .frame_view import frames
from .stft import hann

PERIODS, SHORTEST_S = 4.0, 0.02  # of a tone, and a frame at least: with fewer, harmonics leak into one another
SMOOTH_S = 0.004  # of a level curve, or a period of the tone
HIGHEST = 0.45  # of the sample rate: no harmonics above
STRONG, MOST = 3e-3, 40  # of the strongest peak's amplitude; peaks


def level_curve(x: Float[np.ndarray, " t"], sr: int, f0_hz: float, hop: int) -> Float[np.ndarray, " n"]:
    """The RMS about every `hop`-th sample over a period, or 4 ms."""
    size = max(3, round(sr * max(1.0 / f0_hz, SMOOTH_S)))
    return np.sqrt(np.maximum(uniform_filter1d(np.square(np.asarray(x, np.float64)), size, mode="constant"), 0.0))[
        ::hop
    ]


def harmonic_levels(
    x: Float[np.ndarray, " t"], sr: int, f0_hz: float, count: int, hop: int
) -> Float[np.ndarray, "n count"]:
    r"""$2\,|\sum_j w_j x_{n + j} e^{-2 \pi i k f_0 j / f_s}| / \sum w$ for $k$ from 1 to `count`: the amplitudes of
    steady harmonics about every `hop`-th sample, in Hann windows of four periods."""
    size = 2 * (round(sr * max(PERIODS / f0_hz, SHORTEST_S)) // 2)
    window = hann(size)
    k = np.arange(1, count + 1)
    k = k[k * f0_hz < HIGHEST * sr]
    waves = window[:, None] * np.exp(-2j * np.pi * f0_hz / sr * np.outer(np.arange(size), k))
    found = 2.0 * np.abs(frames(np.asarray(x, np.float64), size, hop) @ waves) / window.sum()
    return np.pad(found, ((0, 0), (0, count - k.size)))


def spectral_peaks(x: Float[np.ndarray, " t"], sr: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Frequencies in Hz and amplitudes of the partials of a steady stretch, the strongest first.

    Reference: Smith, Serra, "PARSHL: an analysis/synthesis program for non-harmonic sounds based on a sinusoidal
    representation", ICMC, 1987 (the parabola through the logarithm of three bins).
    """
    window = hann(x.size)
    size = next_fast_len(4 * x.size, real=True)
    amplitude = 2.0 * np.abs(rfft(np.asarray(x, np.float64) * window, size)) / window.sum()
    peaks, _ = find_peaks(amplitude, height=STRONG * amplitude.max(initial=1e-30), distance=4)
    peaks = peaks[np.argsort(-amplitude[peaks], kind="stable")[:MOST]]
    return between_bins(amplitude, peaks) * sr / size, amplitude[peaks]


def between_bins(amplitude: Float[np.ndarray, " n"], peaks: Int[np.ndarray, "*k"]) -> Float[np.ndarray, "*k"]:
    """Where peaks of a spectrum are, in bins: the tops of parabolas through the logarithms about them."""
    before, middle, after = (np.log(amplitude[peaks + by] + 1e-30) for by in (-1, 0, 1))
    off = 0.5 * (before - after) / np.minimum(before - 2.0 * middle + after, -1e-9)
    return peaks + np.clip(off, -1.0, 1.0)
