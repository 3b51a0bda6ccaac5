"""How fast the known parts of a response die away, from what the response made of a sound."""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from .reverberation import combination

ORDER, RIDGE = 64, 1e-9  # of the predictor; of the energy: how faint a frequency may be and still be raised
TURNS, STEPS, TRIES = 3, 10, 4  # of choosing anew; of refining; dampings tried for a step
DAMPED, UNDAMPED = 1e-3, 1e-9  # decays at first; weights, for a system that can be solved
LONGEST_STEP = 0.7  # of the logarithm of a decay
SETTLED = 1e-6  # of what is left: a step that gains less is the last


def prewhitened(source: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Both, (channels, samples), through $A(z)$, the filter of order 64 that leaves least of the source.

    A causal filter goes past any other, so the reference is still the same response of the source; but now that is
    white, and a faint band of the response weighs no less than a loud one. What the source does not hold at all, 90 dB
    below the whole, is not raised.

    Reference: Ljung, "System Identification: Theory for the User", 2nd ed., Prentice Hall, 1999, section 7.2
    (prefilters).
    """
    size = next_fast_len(source.shape[1] + ORDER + 1, real=True)
    power = np.sum(np.abs(rfft(np.asarray(source, np.float64), size)) ** 2, axis=0)
    r = irfft(power, size)[: ORDER + 1]
    if r[0] <= 0.0:
        return source, reference
    r[0] *= 1.0 + RIDGE
    a = np.append(1.0, -solve_toeplitz(r[:-1], r[1:]))
    first, second = (lfilter(a, [1.0], np.asarray(s, np.float64)).astype(np.float32) for s in (source, reference))
    return first, second


class Decays(NamedTuple):
    """Seconds in which each part falls by 60 dB, all weights, the dry signal's first, and the energy left over."""

    seconds: np.ndarray
    weights: np.ndarray
    left: float


class _Heard:
    """What the parts, decaying, make of a sound."""

    def __init__(self, source: np.ndarray, reference: np.ndarray, parts: np.ndarray, sr: int):
        samples = source.shape[1]
        self.parts = np.moveaxis(parts[..., :samples], 1, 0)
        self.seconds = (np.arange(self.parts.shape[2]) / sr).astype(np.float32)
        self.size = next_fast_len(samples + self.parts.shape[2], real=True)
        self.spectrum = rfft(source, self.size)
        self.samples, self.dry, self.reference = samples, np.ravel(source), np.ravel(reference)

    def wet(self, part: int, decay_s: float, slope: bool = False) -> np.ndarray:
        """The source through a part, or its derivative by the logarithm of the decay."""
        fall = np.exp(np.float32(-3.0 * np.log(10.0) / decay_s) * self.seconds) * (self.seconds > 0.0)
        if slope:
            fall = fall * np.float32(3.0 * np.log(10.0) / decay_s) * self.seconds
        return irfft(self.spectrum * rfft(self.parts[part] * fall, self.size), self.size)[:, : self.samples].ravel()

    def wets(self, seconds: np.ndarray, slope: bool = False) -> np.ndarray:
        return np.array([self.wet(b, t, slope) for b, t in enumerate(seconds)], np.float32)


def decays(
    source: np.ndarray,
    reference: np.ndarray,
    parts: np.ndarray,
    tried_s: tuple[float, ...],
    bounds_s: tuple[float, float],
    sr: int,
) -> Decays:
    r"""$T$ and $c$ of $y \approx c_0 x + \sum_b c_b\, x * (10^{-3 t / T_b} \nu_b)$, with $T$ within the bounds.

    `source` and `reference` are (channels, samples), `parts` ($\nu$) is (channels, parts, taps), `sr` in Hz. Each part
    takes the best of a few decays, then all are refined together; and again, as a faint part shows only once the loud
    ones fit.
    """
    heard = _Heard(source, reference, parts, sr)
    options = np.array([[heard.wet(b, t) for t in tried_s] for b in range(len(heard.parts))], np.float32)

    def chosen(known: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """The decay of each part's best option; of those that keep to what is known, or are silent, `seconds`."""
        best, _ = combination(heard.reference, heard.dry, np.concatenate([options, known], axis=1))
        return np.array([tried_s[o] if 0 <= o < len(tried_s) else t for o, t in zip(best, seconds, strict=True)])

    middle = np.full(len(options), np.sqrt(np.prod(bounds_s)))
    best = _refined(heard, chosen(options[:, :0], middle), bounds_s)
    for _ in range(TURNS - 1):
        start = chosen(heard.wets(best.seconds)[:, None], best.seconds)
        if np.array_equal(start, best.seconds):
            break
        now = _refined(heard, start, bounds_s)
        if now.left >= best.left:
            break
        best = now
    return best


def _refined(heard: _Heard, seconds: np.ndarray, bounds_s: tuple[float, float]) -> Decays:
    """Levenberg-Marquardt on the logarithms of the decays; the weights are solved for at each."""
    damping = DAMPED
    rows, now = _weighed(heard, seconds)
    for _ in range(STEPS):
        slopes = now.weights[1:, None].astype(np.float32) * heard.wets(now.seconds, slope=True)
        jacobian, count = np.concatenate([rows, slopes]), len(rows)
        gram = (jacobian @ jacobian.T).astype(np.float64)
        scale = np.sqrt(np.diag(gram)) + 1e-30
        pull = jacobian @ (heard.reference - now.weights @ rows) / scale
        before = now
        for _ in range(TRIES):
            damped = np.diag(np.repeat([UNDAMPED, damping], [count, len(slopes)]))
            step = (np.linalg.solve(gram / np.outer(scale, scale) + damped, pull) / scale)[count:]
            factor = np.exp(np.clip(step, -LONGEST_STEP, LONGEST_STEP))
            trial, found = _weighed(heard, np.clip(before.seconds * factor, *bounds_s))
            if found.left < before.left:
                rows, now, damping = trial, found, max(0.1 * damping, UNDAMPED)
                break
            damping *= 10.0
        if now.left >= (1.0 - SETTLED) * before.left:
            break
    return now


def _weighed(heard: _Heard, seconds: np.ndarray) -> tuple[np.ndarray, Decays]:
    """What these decays make of the source, and the weights that fit best."""
    rows = np.concatenate([heard.dry[None], heard.wets(seconds)])
    gram = (rows @ rows.T).astype(np.float64)
    scale = np.sqrt(np.diag(gram)) + 1e-30
    system = gram / np.outer(scale, scale) + 1e-12 * np.eye(len(rows))
    weights = np.linalg.solve(system, (rows @ heard.reference) / scale) / scale
    return rows, Decays(seconds, weights, float(np.sum(np.square(heard.reference - weights @ rows))))
