"""What a linear path leaves in a recording: its impulse response, the echoes in it and how they decay."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import maximum_filter1d, median_filter
from scipy.signal import find_peaks

ABOUT = 65  # samples about a lag whose median is the level that a peak has to stand out of
REPEATS, BESIDE = 4, 2  # echoes that count as evidence; samples by which they may lie beside a multiple
PLAIN = 3.0  # the sharpness of noise
FLOOR = 1e-6  # faint echoes count where all else is silent
REGULAR = 1e-4  # of the loudest bin's power: what is quieter is not divided by
DULL = 1e-3  # the same, where it is the loud octaves that echo


def impulse_response(source: np.ndarray, reference: np.ndarray, length: int, regular: float = REGULAR) -> np.ndarray:
    r"""$h = \mathcal F^{-1} \frac{\bar X Y}{|X|^2 + \varepsilon}$, its first `length` samples, channels summed.

    Reference: Oppenheim, Verghese, "Signals, Systems and Inference", Pearson, 2015, section 11.2 (deconvolution).
    """
    samples = source.shape[1]
    size = next_fast_len(samples + length, real=True)
    x, y = rfft(np.asarray(source, np.float64), size), rfft(np.asarray(reference, np.float64), size)
    power = np.sum(np.abs(x) ** 2, axis=0)
    cross = np.sum(np.conj(x) * y, axis=0)
    return irfft(cross / (power + regular * power.max(initial=1e-300)), size)[:length]


def echo_lags(h: np.ndarray, shortest: int, most: int) -> list[int]:
    """Lags of the likeliest first echoes in an impulse response from `shortest` samples on, likeliest first.

    They are separate peaks. Sharpness is the height over the level about it, so that a filter's ringing does not pass
    for an echo, and over `FLOOR` of the highest, so that a speck in silence does not either; what counts is that of
    the lag and, as echoes repeat, of its first multiples.
    """
    size = np.abs(h)
    if size.size <= shortest + 2:
        return []
    size = size / (median_filter(size, ABOUT, mode="nearest") + FLOOR * size[shortest:].max() + 1e-300)
    peaks, _ = find_peaks(size[shortest:], distance=max(1, shortest // 2))
    lags = peaks + shortest
    near = np.append(maximum_filter1d(size, 2 * BESIDE + 1), np.zeros(REPEATS * size.size))
    repeats = np.arange(1, REPEATS + 1)
    evidence = np.cumsum(np.maximum(near[lags[:, None] * repeats] - PLAIN, 0.0), axis=1) / np.sqrt(repeats)
    return [int(lag) for lag in lags[np.argsort(-evidence.max(axis=1))][:most]]


def far_echoes(source: np.ndarray, reference: np.ndarray, apart: int, most: int) -> list[int]:
    """Lags of the highest peaks of the response beyond `apart` samples and as far from each other, highest first: of
    echoes that a filter has made too dull to stand out at one sample."""
    h = np.abs(impulse_response(source, reference, source.shape[1], DULL))
    peaks, _ = find_peaks(h[apart:], distance=apart) if h.size > apart + 2 else (np.zeros(0, int), None)
    return [int(lag) + apart for lag in peaks[np.argsort(-h[peaks + apart])][:most]]


def decay_time(h: np.ndarray, sr: float) -> float | None:
    """Seconds to fall by 60 dB, from the slope of the backward-integrated energy between -5 and -25 dB.

    Reference: Schroeder, "New method of measuring reverberation time", JASA 37, 1965.
    """
    energy = np.cumsum(np.square(h)[::-1])[::-1]
    if energy.size < 2 or energy[0] <= 0.0:
        return None
    level = 10.0 * np.log10(energy / energy[0] + 1e-30)
    first, last = np.searchsorted(-level, 5.0), np.searchsorted(-level, 25.0)
    if last - first < 8 or last >= level.size:
        return None
    slope = np.polyfit(np.arange(first, last) / sr, level[first:last], 1)[0]
    return float(-60.0 / slope) if slope < 0.0 else None
