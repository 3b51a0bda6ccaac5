"""How loud a recording is from moment to moment, on the host."""

import numpy as np
from jaxtyping import Float
from scipy.fft import rfft

from .frame_view import frames, hop_samples
from .levels import FLOOR
from .stft import hann
from .weighting import Weighting, bin_weights

WINDOW_S = 0.046  # two periods of the lowest tone that A-weighting leaves anything of
AT_ONCE = 256  # frames


def track_loudness(
    x: Float[np.ndarray, " t"], sr: int, weighting: Weighting = "a", window_s: float = WINDOW_S
) -> Float[np.ndarray, " n"]:
    r"""A-weighted level in dB of every frame of `track_f0`, a full-scale sine at 1 kHz being -3 dB, silence -100.

    $10 \log_{10} \sum_k A_k^2 |X_k|^2$ over Hann frames of 46 ms, scaled so that $\sum_k |X_k|^2$ is the mean square.
    """
    size = max(2, 2 * round(0.5 * window_s * sr))
    window = hann(size)
    weights = np.square(bin_weights(weighting, size, sr)) * 2.0 / (size * np.sum(window**2))
    view = frames(np.asarray(x, np.float64), size, hop_samples(sr))
    starts = range(0, len(view), AT_ONCE)
    power = [np.square(np.abs(rfft(view[i : i + AT_ONCE] * window))) @ weights for i in starts]
    return 10.0 * np.log10(np.concatenate(power) + FLOOR)
