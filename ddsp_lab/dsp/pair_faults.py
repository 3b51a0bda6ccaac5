"""Faults of a reference that only the dry recording beside it gives away, measured on the host. `(samples,)` each."""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

FRAME_S, QUIET_DB = 0.05, 40.0
STEADY_DB = 2.0  # spread of levels over time that noise keeps to
SEGMENT = 256
REPEAT_S, WARM_S = 0.5, 1.0  # of a passage that is compared, and of it before, for what rings on
SAME = 1e-4  # energy of the difference over that of the sound: one passage


def levels(x: np.ndarray, size: int) -> np.ndarray:
    """Mean squares of frames of `size` samples."""
    frames = x[: x.size // size * size].reshape(-1, size)
    return np.mean(frames**2, axis=1)


def noise(quiet: np.ndarray, x: np.ndarray, sr: float) -> float:
    """The steady noise of `x`, over its energy: what sounds on at one level where the other recording is quiet, and has
    nothing to do with it. Zero where that cannot be told; echoes and reverberation die away."""
    size = max(SEGMENT, int(FRAME_S * sr))
    there, here = levels(quiet, size), levels(x, size)
    if there.size < 4 or not there.max() or not here.max():
        return 0.0
    where = np.flatnonzero(there < 10.0 ** (-QUIET_DB / 10.0) * np.quantile(there, 0.95))
    where = where[here[where] > 0.0]
    if where.size < max(4, 0.2 * sr / size):
        return 0.0
    db = 10.0 * np.log10(here[where])
    if np.quantile(db, 0.9) - np.quantile(db, 0.1) > 2.0 * STEADY_DB:
        return 0.0
    pieces = [
        np.fft.rfft(
            v[: v.size // size * size].reshape(-1, size)[where][:, : size // SEGMENT * SEGMENT].reshape(-1, SEGMENT)
            * np.hanning(SEGMENT)
        )
        for v in (quiet, x)
    ]
    a, b = pieces
    cross, power = np.abs(np.sum(np.conj(a) * b, 0)) ** 2, np.sum(np.abs(a) ** 2, 0) * np.sum(np.abs(b) ** 2, 0)
    own = np.sum(np.abs(b) ** 2, 0)
    coherent = float(np.sum(own * cross / (power + 1e-300)) / np.sum(own))
    return float(np.median(here[where]) / np.mean(here)) if coherent < 0.5 else 0.0


def replicate(dry: np.ndarray, reference: np.ndarray, sr: float) -> float | None:
    """The error-to-signal ratio of the reference between two passages at which the dry recording is the same, and was
    for a second before; None where there are none."""
    size = next_fast_len(2 * dry.size, real=True)
    auto = irfft(np.abs(rfft(dry, size)) ** 2, size)[: dry.size]
    frame, need = max(1, int(0.05 * sr)), int((REPEAT_S + WARM_S) / 0.05)
    first = need * frame
    if first + 8 >= dry.size or auto[0] <= 0.0:
        return None
    lags = first + np.argpartition(-auto[first:], 8)[:8]
    worst = None
    for lag in np.unique(lags):
        a, b = (levels(v, frame) for v in (dry[:-lag], dry[lag:] - dry[:-lag]))
        same = b < SAME * np.maximum(a, 0.01 * np.mean(dry**2))
        length, best, end = 0, 0, 0
        for i, equal in enumerate(same):
            length = length + 1 if equal else 0
            if length > best:
                best, end = length, i + 1
        if best < need:
            continue
        start = (end - best) * frame + int(WARM_S * sr)
        y, z = reference[start : end * frame], reference[start + lag : end * frame + lag]
        energy = float(np.sum(y**2))
        if energy > 1e-4 * best * frame * np.mean(reference**2):
            worst = max(worst or 0.0, float(np.sum((y - z) ** 2)) / energy)
    return worst


class Ceiling(NamedTuple):
    """How many 20 ms frames peak within 0.1 dB of the file's peak, how many times more that is than in the tenths of a
    decibel below, and the peak over the RMS in dB."""

    frames: int
    crowding: float
    crest_db: float


def ceiling(x: np.ndarray, sr: float) -> Ceiling:
    """Whether peaks pile up at one level, as a limiter's do. A saturated sound's peaks crowd together less sharply."""
    size = max(16, int(0.02 * sr))
    frames = np.abs(x[: x.size // size * size]).reshape(-1, size).max(1)
    peak = float(np.abs(x).max())
    below_db = 20.0 * np.log10(peak / np.maximum(frames, 1e-6 * peak))
    top, under = int(np.sum(below_db < 0.1)), int(np.sum((below_db >= 0.1) & (below_db < 1.1)))
    return Ceiling(top, top / (0.1 * under + 0.5), float(10.0 * np.log10(peak**2 / np.mean(x**2))))
