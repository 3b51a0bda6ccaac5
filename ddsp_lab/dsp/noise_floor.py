"""The steady noise under a recording, on the host."""

import numpy as np
from jaxtyping import Float
from scipy.fft import rfft
from scipy.ndimage import uniform_filter1d
from scipy.stats import chi2

from .frame_view import frames
from .stft import hann

SIZE, HOP = 1024, 256
TOGETHER = 8  # frames whose mean tells a level
QUIET = 0.2  # of them are at the floor
SILENT_DB = -130.0  # there is no noise there: a file that was computed


def band_levels_db(
    x: Float[np.ndarray, "c t"], centre_hz: Float[np.ndarray, " b"], sr: int
) -> Float[np.ndarray, " b"] | None:
    r"""The level of the noise under `x` about each frequency, 0 dB that of white noise of variance 1; None without any.

    The power of a band, smoothed over frames, is below its mean in a share of them that is known of noise; the level
    follows from the quantile at `QUIET`, because sound is above the noise most of the time.

    Reference: Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics",
    IEEE Transactions on Speech and Audio Processing 9(5), 2001.
    """
    mono = np.asarray(x, np.float64).mean(axis=0)
    window = hann(SIZE)
    view = frames(mono, SIZE, HOP)[2:-2]  # whole frames: outside of the file there is no noise
    if len(view) < 2:
        return None
    power = np.concatenate([np.abs(rfft(view[i : i + 256] * window)) ** 2 for i in range(0, len(view), 256)])
    power = power * x.shape[0] / np.sum(window**2)  # of a mean of channels that differ
    hz = np.arange(power.shape[1]) * sr / SIZE
    together = min(TOGETHER, len(view))
    levels = []
    for low, high in _edges(centre_hz, sr):
        bins = (hz >= low) & (hz < high) | (np.arange(hz.size) == np.argmin(np.abs(hz - 0.5 * (low + high))))
        smooth = uniform_filter1d(power[:, bins].mean(axis=1), together)
        freedom = 2.0 * max(1.0, 0.6 * bins.sum()) * max(1.0, 0.4 * together)  # neighbours share what they see
        levels.append(np.quantile(smooth, QUIET) * freedom / chi2.ppf(QUIET, freedom))
    levels_db = 10.0 * np.log10(np.maximum(levels, 0.0) + 1e-30)  # a running sum rounds below 0
    return levels_db if levels_db.max() > SILENT_DB else None


def _edges(centre_hz: np.ndarray, sr: int) -> list[tuple[float, float]]:
    """Half-way to the neighbours, in the logarithm."""
    centre = np.minimum(centre_hz, 0.45 * sr)
    between = np.sqrt(centre[1:] * centre[:-1])
    return list(zip(np.append(0.7 * centre[0], between), np.append(between, 1.4 * centre[-1]), strict=True))
