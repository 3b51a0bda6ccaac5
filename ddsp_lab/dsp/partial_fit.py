"""How the harmonics of a tone lie and fall, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len, rfft

from .stft import hann

FAINT = 1e-3  # of the strongest harmonic: what is below says nothing
STIFFEST = 3e-3
FEWEST = 3  # frames, for a slope
EVEN_FROM = 4  # harmonics, to tell how they fall


class Course(NamedTuple):
    """Levels at the onset in dB, about how much faster each next harmonic falls than the first, in dB/s, and which
    ones were heard."""

    level_db: Float[np.ndarray, " k"]
    fall_db: float
    heard: np.ndarray


def course(levels: Float[np.ndarray, "n k"], time_s: Float[np.ndarray, " n"], tone: Float[np.ndarray, " n"]) -> Course:
    """A line through each harmonic's level beside that of the whole `tone`, every frame counting by its power."""
    weight = np.square(tone) / max(float(np.square(tone).sum()), 1e-30)
    beside_db = 20.0 * np.log10(levels / np.maximum(tone, 1e-12)[:, None] + 1e-6)
    mean_t, mean = weight @ time_s, weight @ beside_db
    spread = weight @ np.square(time_s - mean_t)
    slope = weight @ ((time_s - mean_t)[:, None] * (beside_db - mean)) / (spread + 1e-9)
    heard = mean > mean.max(initial=-np.inf) + 20.0 * np.log10(FAINT)
    order = np.flatnonzero(heard)
    fall = 0.0
    if order.size >= 2 and np.count_nonzero(weight) >= FEWEST:
        loud = 10.0 ** (mean[order] / 20.0)
        centred = order - np.average(order, weights=loud)
        fall = max(0.0, -float((loud * centred) @ slope[order] / ((loud * centred) @ centred + 1e-9)))
    # at the onset, by the common law of falling rather than by each one's own slope
    return Course(mean + fall * np.arange(levels.shape[1]) * mean_t, fall, heard)


def stiffness(x: Float[np.ndarray, " t"], sr: int, f0_hz: float, partials: int = 24) -> float:
    r"""$B$ of $f_k = k f_0 \sqrt{1 + B k^2}$, by the frequencies of the strongest partials; 0 where they are exact.

    Reference: Fletcher, Blackham, Stratton, "Quality of piano tones", Journal of the Acoustical Society of America
    34(6), 1962.
    """
    size = next_fast_len(4 * x.size, real=True)
    amplitude = np.abs(rfft(np.asarray(x, np.float64) * hann(x.size), size))
    k = np.arange(1, partials + 1)
    tried = np.append(0.0, np.geomspace(1e-6, STIFFEST, 200))
    hz = k * f0_hz * np.sqrt(1.0 + tried[:, None] * k**2) / np.sqrt(1.0 + tried[:, None])
    at = np.rint(hz * size / sr).astype(int)
    inside = at < amplitude.size
    # the sum of logarithms, so that many partials have to be met and none decides alone
    met = np.where(inside, np.log(amplitude[np.minimum(at, amplitude.size - 1)] + FAINT * amplitude.max()), 0.0)
    return float(tried[int(np.argmax(met.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)))])
