"""First guesses at a delay with feedback and damping, by linear least squares at the lags that come into question."""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz
from scipy.signal import find_peaks, lfilter

from .damped_line import DARKEST

ORDER = 24  # of the linear prediction that whitens: music predicts itself, and any lag would explain much
REGULAR = (1e-4, 1e-6)  # of the loudest bin: sure of the loud octaves alone, and sharp
TRIED, KEPT = 8, 8  # lags that are looked at closely, for each of these, and guesses
FADE = 2048  # samples
APART = 3  # samples between two lags
BEFORE, AFTER = 2, 4  # samples about a lag that its cubic, and the pole's, may need


class Loop(NamedTuple):
    """Weights of dry sound and first echo, and the loop's gain and pole; `missing` is what they leave unexplained."""

    lag: float
    dry: float
    wet: float
    gain: float
    pole: float
    missing: float

    @property
    def mix(self) -> float:
        """The share of the echoes in what is heard."""
        return self.wet / (self.dry + self.wet)

    @property
    def damping(self) -> float:
        """The inverse of `damping_pole`."""
        r = (1.0 - self.pole) / (1.0 + self.pole)
        longer = np.log(r) / np.log(np.clip(self.gain, DARKEST, 0.999))
        return float(np.clip((1.0 - 1.0 / (1.0 + longer)) / 0.9, 0.0, 1.0))


def likely_lags(source: np.ndarray, reference: np.ndarray, shortest: int, longest: int, regular: float) -> list[int]:
    """Lags $d$ at which $x_n$, $x_{n-d}$ and $y_{n-d}$ explain a whitened $y_n$ best, best first.

    The last is what feedback amounts to: from $y = a x + m D w$ and $w = x + g D w$ follows $y = a x + (m - g a) D x +
    g D y$. Correlations of all lags come from a few transforms; what a lag moves beyond the end does not count.
    """
    size = next_fast_len(source.shape[1] + longest + 1, real=True)
    white = [rfft(_faded(s), size) for s in (source, reference)]
    power = np.sum(np.abs(white[0]) ** 2, axis=0)
    root = 1.0 / np.sqrt(power + regular * power.max(initial=1e-300))
    heard = max(source.shape[1] - FADE, longest + 1)
    x, y = (irfft(s * root, size)[:, :heard] for s in white)
    lag = np.arange(shortest, longest + 1)

    def late(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Products of both, delayed."""
        return np.cumsum(np.sum(a * b, axis=0))[heard - 1 - lag]

    fx, fy = rfft(x, size), rfft(y, size)
    xx, xy, yx, yy = (irfft(np.sum(np.conj(a) * b, axis=0), size)[lag] for a in (fx, fy) for b in (fx, fy))
    energy, product = np.full(lag.size, np.vdot(x, x)), np.full(lag.size, np.vdot(x, y))
    gram = np.array([[energy, xx, yx], [xx, late(x, x), late(x, y)], [yx, late(x, y), late(y, y)]])
    gram = np.moveaxis(gram, -1, 0) + 1e-3 * (energy[0] + np.vdot(y, y) + 1e-300) * np.eye(3)
    right = np.stack([product, xy, yy], axis=-1)
    explained = np.einsum("li,li->l", np.linalg.solve(gram, right[..., None])[..., 0], right)
    peaks, _ = find_peaks(np.pad(explained, 1, constant_values=-np.inf), distance=APART)
    return [int(lag[k - 1]) for k in peaks[np.argsort(-explained[peaks - 1])]]


def loops(source: np.ndarray, reference: np.ndarray, shortest: int, longest: int, share: float = 0.5) -> list[Loop]:
    r"""The loops that explain a recording best.

    With a pole in the loop, $y_n = p\,y_{n-1} + a\,(x_n - p\,x_{n-1}) + m\,(D x)_n - m p\,(D x)_{n-1} + (1 - p)\,g\,
    (D y - a D x)_n$: linear least squares in a few samples about the lag, of both recordings, gives it exactly, and at
    the wrong lag explains less.
    """
    longest = min(longest, source.shape[1] // 2)
    if longest < shortest + 2 or not np.any(source) or not np.any(reference):
        return []
    lags: list[int] = []
    for regular in REGULAR:
        for lag in likely_lags(source, reference, shortest, longest, regular)[:TRIED]:
            lags += [lag] if all(abs(lag - other) >= APART for other in lags) else []
    x, y = _whitened(source, reference)
    return sorted((_loop(x, y, lag) for lag in lags), key=lambda loop: loop.missing)[:KEPT]


def _faded(x: np.ndarray) -> np.ndarray:
    """Without the clicks that cutting makes: nothing is louder in octaves where a recording is silent."""
    ramp = np.sin(0.5 * np.pi * (np.arange(FADE) + 0.5) / FADE) ** 2
    x = np.array(x, np.float64)
    count = min(FADE, x.shape[1] // 2)
    x[:, :count] *= ramp[:count]
    x[:, x.shape[1] - count :] *= ramp[:count][::-1]
    return x


def _whitened(source: np.ndarray, reference: np.ndarray) -> list[np.ndarray]:
    x = np.asarray(source, np.float64)
    auto = irfft(np.sum(np.abs(rfft(x, 2 * x.shape[1])) ** 2, axis=0))[: ORDER + 1]
    auto[0] = auto[0] * (1.0 + 1e-6) + 1e-300
    error = np.append(1.0, -solve_toeplitz(auto[:-1], auto[1:]))
    return [lfilter(error, [1.0], s) for s in (x, np.asarray(reference, np.float64))]


def _loop(x: np.ndarray, y: np.ndarray, lag: int) -> Loop:
    """The cubics at lag $d$ and at $d + 1$ have weights of those sums and centroids."""

    def late(s: np.ndarray, by: int) -> np.ndarray:
        return np.pad(s, ((0, 0), (by, 0)))[:, : s.shape[1]].ravel()

    taps = np.arange(lag - BEFORE, lag + AFTER)
    rows = np.stack([late(s, d) for s, d in [(y, 1), (x, 0), (x, 1), *((s, d) for s in (x, y) for d in taps)]])
    gram, right, energy = rows @ rows.T, rows @ y.ravel(), float(np.vdot(y, y))
    found = np.linalg.solve(gram + 1e-9 * (np.trace(gram) + 1e-30) * np.eye(len(rows)), right)
    pole, dry = float(np.clip(found[0], 0.0, (1.0 - DARKEST) / (1.0 + DARKEST))), found[1]
    first, again = found[3 : 3 + taps.size], found[3 + taps.size :]
    both = first + dry * again  # m (D x)_n - m p (D x)_{n - 1}
    wet, gain = np.sum(both) / (1.0 - pole), np.clip(np.sum(again) / (1.0 - pole), 0.0, 0.95)
    centre = both @ taps / np.sum(both) + pole / (1.0 - pole) if abs(np.sum(both)) > 1e-9 else lag
    missing = 1.0 - float(found @ (2.0 * right - gram @ found)) / (energy + 1e-30)
    place = float(centre) if abs(centre - lag) < BEFORE else float(lag)
    # beside other branches an echo may be turned round against the dry sound: what it weighs decides, not its sign
    return Loop(place, abs(float(dry)), max(abs(float(wet)), 1e-6), float(gain), pole, missing)
