r"""The spectrum of a tone whose vibrato is taken away, and how far a pitch stands out in it, on the host.

A tone that swings by $d$ semitones is steady in the time $\tau(t) = \int_0^t 2^{d \sin(2 \pi r s) / 12}\,ds$: at the
rate and the depth that are its own, its partials are as narrow as those of a tone without, and stand highest out of
the noise between them, however much louder that may be altogether.

Reference: Cancela, López, Rocamora, "Fan chirp transform for music representation", DAFx, 2010.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len, rfft

from .stft import hann

TOP_HZ, LESS = 2400.0, 0.84 ** np.arange(10)  # no partials above; each counts less than the one before it
AROUND_HZ, ABOVE = 120.0, 8.0  # the median of such a band is its noise; what is not so much above it is noise too
LINE = 3.0  # bins on either side that belong to a partial


class SteadySpectrum(NamedTuple):
    """Power over that of the noise about it, and how many bins a Hz has."""

    over: Float[np.ndarray, " n"]
    bins: float

    def clear(self, f0_hz: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        """The logarithm of what is above the noise, summed over the harmonics of each pitch.

        Reference: Hermes, "Measurement of pitch by subharmonic summation", Journal of the Acoustical Society of
        America 83(1), 1988."""
        at = np.outer(f0_hz * self.bins, np.arange(1, LESS.size + 1))
        height = np.append(np.log1p(self.over / ABOVE), [0.0, 0.0])
        low = np.minimum(at.astype(int), height.size - 2)
        part = np.minimum(at - low, 1.0)
        return ((1.0 - part) * height[low] + part * height[low + 1]) @ LESS

    def without(self, f0_hz: float) -> SteadySpectrum:
        """What no harmonic of a pitch belongs to."""
        at = np.arange(self.over.size) / (f0_hz * self.bins)
        near = np.abs(at - np.maximum(np.rint(at), 1.0)) * f0_hz * self.bins < LINE
        return self._replace(over=np.where(near, 0.0, self.over))


def steadied(x: Float[np.ndarray, " t"], sr: int, rate_hz: float, depth_st: float) -> Float[np.ndarray, " s"]:
    """What the vibrato leaves when it is taken away; it begins with the sound, at its middle, and rises."""
    turns = rate_hz / sr * np.arange(x.size)
    time = np.cumsum(2.0 ** (depth_st / 12.0 * np.sin(2.0 * np.pi * turns)))
    return np.interp(np.arange(time[0], time[-1]), time, x)


def steady_spectrum(
    x: Float[np.ndarray, " t"], sr: int, rate_hz: float, depth_st: float, window_s: float
) -> SteadySpectrum:
    """Of the steady tone, the mean over windows."""
    x = steadied(x, sr, rate_hz, depth_st) if depth_st else x
    size = x.size if x.size <= window_s * sr else round(window_s * sr)
    padded = next_fast_len(2 * size, real=True)
    windows = np.lib.stride_tricks.sliding_window_view(x, size)[:: size // 2]
    power = np.square(np.abs(rfft(windows * hann(size), padded))).sum(axis=0)[: int(TOP_HZ * padded / sr)]
    band = max(8, round(AROUND_HZ * padded / sr))
    noise = np.median(power[: power.size // band * band].reshape(-1, band), axis=1)
    noise = np.interp(np.arange(power.size), (np.arange(noise.size) + 0.5) * band, noise)
    return SteadySpectrum(power / (noise + 1e-9 * power.max(initial=1e-30)), padded / sr)
