"""What a linear path leaves in a recording: its impulse response, the echoes in it and how they decay."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import median_filter
from scipy.signal import find_peaks

ABOUT = 65  # samples about a lag whose median is the level that a peak has to stand out of
REGULAR = 1e-4  # of the loudest bin's power: what is quieter is not divided by


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
    """Lags of the sharpest separate peaks of an impulse response from `shortest` samples on, sharpest first.

    Sharpness is the height over the level about it, so that a filter's ringing does not pass for an echo.
    """
    size = np.abs(h)
    if size.size <= shortest + 2:
        return []
    size = size / (median_filter(size, ABOUT, mode="nearest") + 1e-6 * size.max() + 1e-300)
    peaks, _ = find_peaks(size[shortest:], distance=max(1, shortest // 2))
    lags = peaks + shortest
    return [int(lag) for lag in lags[np.argsort(-size[lags])][:most]]


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
