"""What `sweep_fit` looks up: products of a recording with one that a frozen delay or all-pass has gone over."""

from collections.abc import Callable

import numpy as np
from scipy.signal import decimate

from .lfo_fit import FRAME_S
from .stft import hann
from .sweep_fit import Tables

BAND_HZ = 8000.0  # to which recordings are decimated before delays are looked for
WINDOW_S = 24e-3  # of spectra, in which a sweep of a frequency is looked for
HIGHEST_HZ = 8000.0  # of these frequencies
EMPHASIS = 0.9  # of the first difference: recordings are dark, and low frequencies cannot tell delays apart


def delay_tables(
    source: np.ndarray, reference: np.ndarray, sr: float, longest_s: float, feedback: bool
) -> Tables | None:
    """Products with delayed signals, in seconds, in a band where a delay by a millisecond is no more than a turn."""
    by = max(1, int(sr // BAND_HZ))
    rate = sr / by
    signals = []
    for s in (source, reference):
        s = np.asarray(s, np.float64).mean(0)
        if s.size < 64 * by:
            return None
        s = decimate(s, by, ftype="fir") if by > 1 else s
        signals.append(np.append(s[:1], s[1:] - EMPHASIS * s[:-1]))
    x, y = signals
    size, lags = max(1, round(FRAME_S * rate)), int(longest_s * rate) + 1
    count = x.size // size
    here = [s[: count * size].reshape(count, size) for s in signals]
    moving = np.empty((count, lags, 7 if feedback else 3))
    for lag in range(lags):
        (x0, y0), (x1, y1) = here, (np.pad(s, (lag, 0))[: count * size].reshape(count, size) for s in signals)
        products = [(y0, x1), (x0, x1), (x1, x1)] + ([(y0, y1), (x0, y1), (x1, y1), (y1, y1)] if feedback else [])
        moving[:, lag] = np.stack([np.einsum("fs,fs->f", a, b) for a, b in products], axis=-1)
    time_s = (np.arange(count) + 0.5) * size / rate
    still = np.array([x @ x, x @ y, y @ y])
    return Tables(moving, still, time_s, 0.0, 1.0 / rate)


def response_tables(
    source: np.ndarray, reference: np.ndarray, sr: float, octave: np.ndarray, response: Callable[..., np.ndarray]
) -> Tables | None:
    """Products with the source and the reference through `response(corner_hz, frequency_hz, sr)` at each corner
    2 ** `octave` in Hz, of magnitude 1, a sample later in the feedback."""
    x, y = (np.asarray(s, np.float64).mean(0) for s in (source, reference))
    fft = 2 ** int(np.log2(WINDOW_S * sr))
    if x.size < 16 * fft:
        return None
    window = hann(fft)
    frames = [
        np.lib.stride_tricks.sliding_window_view(np.append(s[:1], s[1:] - EMPHASIS * s[:-1]), fft) for s in (x, y)
    ]
    X, Y = (np.fft.rfft(f[:: fft // 4] * window)[:, 1:] for f in frames)
    frequency = np.arange(1, fft // 2 + 1) * sr / fft
    keep = frequency < HIGHEST_HZ
    X, Y, frequency = X[:, keep], Y[:, keep], frequency[keep]
    a = response(2.0**octave, frequency, sr).T
    later = a * np.exp(-2j * np.pi * frequency / sr)[:, None]
    xx, yy, xy = np.abs(X) ** 2, np.abs(Y) ** 2, np.conj(X) * Y
    every = np.ones(octave.size)
    moving = np.stack(
        [
            np.real(np.conj(xy) @ a),
            xx @ np.real(a),
            np.outer(xx.sum(1), every),
            yy @ np.real(later),
            np.real(xy @ later),
            np.real(xy @ (np.conj(a) * later)),
            np.outer(yy.sum(1), every),
        ],
        axis=-1,
    )
    time_s = (np.arange(len(xx)) * (fft // 4) + fft // 2) / sr
    still = np.array([xx.sum(), xy.real.sum(), yy.sum()])
    return Tables(moving, still, time_s, float(octave[0]), float(octave[1] - octave[0]))
