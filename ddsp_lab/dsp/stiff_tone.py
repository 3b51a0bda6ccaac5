"""The pitch of a tone whose partials are stretched, on the host."""

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len, rfft

from .stft import hann
from .tone_levels import between_bins

PARTIALS = 20
NEAR_CENTS, STEP_CENTS = 80.0, 2.0  # of where its pitch is looked for
TRIED = np.append(0.0, np.geomspace(1e-5, 3e-3, 60))  # of B
FAINT = 3e-4  # of the strongest partial: what is below says nothing
OFF = 0.02  # of a partial's place, at most, where it is read off


def stiff_pitch(x: Float[np.ndarray, " t"], sr: int, f0_hz: float) -> tuple[float, float]:
    r"""$f_0$ in Hz and $B$ of $f_k = k f_0 \sqrt{1 + B k^2}$, whose first partial is near `f0_hz`.

    Both are those at which the spectrum is highest in all partials together, then those of the line
    $f_k^2 / k^2 = a + b k^2$ through the peaks that are found there, weighted by their amplitudes.

    Reference: Fletcher, Blackham, Stratton, "Quality of piano tones", Journal of the Acoustical Society of America
    34(6), 1962.
    """
    size = next_fast_len(4 * x.size, real=True)
    amplitude = np.abs(rfft(np.asarray(x, np.float64) * hann(x.size), size))
    level = np.log(amplitude + FAINT * amplitude.max(initial=1e-30))
    k = np.arange(1, PARTIALS + 1)
    first = f0_hz * 2.0 ** (np.arange(-NEAR_CENTS, NEAR_CENTS + STEP_CENTS, STEP_CENTS) / 1200.0)
    stretch = np.sqrt((1.0 + TRIED[:, None] * k**2) / (1.0 + TRIED[:, None]))
    at = np.rint(first[:, None, None] * k * stretch * size / sr).astype(int)
    inside = at < level.size - 1
    met = np.where(inside, level[np.minimum(at, level.size - 1)], 0.0).sum(axis=2) / np.maximum(inside.sum(axis=2), 1)
    i, j = np.unravel_index(int(np.argmax(met)), met.shape)
    return _refined(amplitude, size, sr, k, first[i] * k * stretch[j])


def _refined(
    amplitude: Float[np.ndarray, " n"], size: int, sr: int, k: np.ndarray, hz: Float[np.ndarray, " k"]
) -> tuple[float, float]:
    """By the peaks about where the partials lie roughly."""
    peaks = []
    for n, middle in enumerate(hz * size / sr):
        low, high = int(middle * (1.0 - OFF / k[n])) - 2, int(middle * (1.0 + OFF / k[n])) + 4
        if high >= amplitude.size - 1:
            break
        peaks.append(low + int(np.argmax(amplitude[low:high])))
    at = np.array(peaks, int)
    weight, found, k = amplitude[at], between_bins(amplitude, at) * sr / size, k[: at.size]
    told = weight > FAINT * weight.max(initial=1e-30)
    if not told.any():
        return float(hz[0]), 0.0
    square, y = k[told] ** 2.0, np.square(found[told] / k[told])
    w = weight[told] * k[told]  # a partial's own place is known to about the same Hz, its pitch k times as well
    if told.sum() == 1:
        return float(np.sqrt(y[0])), 0.0
    b, a = np.polyfit(square, y, 1, w=w)
    if b <= 0.0 or a <= 0.0:
        return float(np.sqrt(np.average(y, weights=w**2))), 0.0
    return float(np.sqrt(a)), float(b / a)
