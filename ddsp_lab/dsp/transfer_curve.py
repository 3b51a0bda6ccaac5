"""What a curve did, read off its input and output."""

import numpy as np
from jaxtyping import Float

LEVELS = 101  # at which the transfer curve is averaged


def mean_curve(source: np.ndarray, reference: np.ndarray) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Mean output at each of a row of input levels, where enough samples are."""
    x, y = np.ravel(source), np.ravel(reference)
    top = np.abs(x).max(initial=0.0)
    if top == 0.0:
        return np.zeros(0), np.zeros(0)
    which = np.clip(((x / top + 1.0) * 0.5 * LEVELS).astype(int), 0, LEVELS - 1)
    count = np.bincount(which, minlength=LEVELS)
    seen = count > 4
    mean_x, mean_y = (np.bincount(which, v, LEVELS)[seen] / count[seen] for v in (x, y))
    return mean_x, mean_y


def nearest(
    curves: Float[np.ndarray, "n k"], wanted: Float[np.ndarray, " k"], kept: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which curves come nearest to the wanted one at their best gain, best first, and those gains."""
    gain = curves @ wanted / (np.sum(curves**2, axis=1) + 1e-30)
    error = np.sum((wanted - gain[:, None] * curves) ** 2, axis=1)
    best = np.argsort(error, kind="stable")[:kept]
    return best, gain[best]
