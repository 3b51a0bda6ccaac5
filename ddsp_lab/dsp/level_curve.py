"""What a dynamics processor did to each level, read off a recording and its reference, on the host."""

import numpy as np

QUANTILES = np.linspace(0.05, 0.95, 19)
CREST_DB = 6.0  # a detector that follows peaks reads about this much above the mean level
FEWEST = 8  # stretches that say anything about a curve


def short_term_db(source: np.ndarray, reference: np.ndarray, sr: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels of the source and gains to the reference over 10 ms each, where the source is not near silence."""
    size = max(1, sr // 100)
    count = source.shape[1] // size
    x, y = (
        np.sqrt(np.mean(np.square(s[:, : count * size], dtype=np.float64).reshape(len(s), count, size), axis=(0, 2)))
        for s in (source, reference)
    )
    loud = x > 1e-3 * x.max(initial=0.0)
    level = 20.0 * np.log10(x[loud] + 1e-10) + CREST_DB
    return level, 20.0 * np.log10((y[loud] + 1e-10) / (x[loud] + 1e-10))


def bends(level: np.ndarray, gain: np.ndarray, upwards: bool) -> list[tuple[float, float, float]]:
    """Thresholds beyond which (or short of which) the gain falls along a line: (threshold, slope, gain elsewhere), the
    best explanation first."""
    if level.size < FEWEST:
        return []
    found = []
    for threshold in np.quantile(level, QUANTILES):
        beyond = np.maximum(level - threshold if upwards else threshold - level, 0.0)
        (slope, rest), residual, *_ = np.linalg.lstsq(np.stack([-beyond, np.ones_like(beyond)], 1), gain)
        found.append((float(np.sum(residual)), float(threshold), float(slope), float(rest)))
    return [bend for _, *bend in sorted(found, key=lambda f: f[0])]  # pyright: ignore[reportReturnType]
