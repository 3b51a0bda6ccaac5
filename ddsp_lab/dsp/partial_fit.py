"""How the harmonics of a tone fall, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

FAINT = 1e-3  # of the strongest harmonic: what is below says nothing
FEWEST = 3  # frames, for a slope


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
