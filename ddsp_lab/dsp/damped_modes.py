"""The modes of a struck body, one after the other, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import next_fast_len, rfft
from scipy.optimize import minimize

from .nearest_wave import nearest_wave

LONGEST_S = 1.5  # of a sound that is looked at
TRIED_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # decays
SHORTEST_S, SLOWEST_S = 0.003, 40.0
LEFT = 1e-6  # of the energy: what is fainter is no mode
STEPS, BLOCK = 60, 16  # of refining one mode; samples that are summed for it


class Mode(NamedTuple):
    hz: float
    t60_s: float
    level: float  # amplitude at the beginning
    phase: float  # in cycles, from -0.5 to 0.5


def damped_modes(
    x: Float[np.ndarray, " t"], sr: float, count: int, low_hz: float = 20.0, high_hz: float = 20_000.0
) -> list[Mode]:
    r"""Up to `count` modes $a\,10^{-3 t / T} \sin(2 \pi f t + \varphi)$ of `x`, those with the most energy first.

    Each is the damped sinusoid, of all frequencies and some decays and then about the best of these, that takes most
    off what the ones before it have left.

    Reference: Goodwin, Vetterli, "Matching pursuit and atomic signal models based on recursive filter banks", IEEE
    Transactions on Signal Processing 47(7), 1999.
    """
    x = np.array(x[: int(LONGEST_S * sr)], np.float64)
    t = np.arange(x.size) / sr
    size = next_fast_len(2 * x.size, real=True)
    hz = np.arange(size // 2 + 1) * sr / size
    inside = (hz >= low_hz) & (hz <= min(high_hz, 0.45 * sr))
    falls = np.exp(-3.0 * np.log(10.0) * t / np.array(TRIED_S)[:, None])
    energies = np.sum(falls**2, axis=1)
    least, found = LEFT * float(np.sum(x**2)), []
    while len(found) < count and x.size > 8 and inside.any():
        gains = np.where(inside, np.abs(rfft(falls * x, size)) ** 2, 0.0) / energies[:, None]
        which, k = np.unravel_index(np.argmax(gains), gains.shape)
        best_hz, t60_s = _refined(x, t, float(hz[k]), TRIED_S[which], sr / size)
        gain, part, c = _taken(x, t, best_hz, t60_s)
        if gain <= least:
            break
        x -= part
        found.append(Mode(best_hz, t60_s, abs(c), float(np.angle(c)) / (2.0 * np.pi)))
    return found


def _refined(x: np.ndarray, t: np.ndarray, hz: float, t60_s: float, width: float) -> tuple[float, float]:
    """The frequency and the decay, near some, of the damped sinusoid that takes most off `x`.

    Next to a frequency all of them turn little within a block, so the sums over blocks are as good as the samples.
    """
    turned = x * np.exp(-2j * np.pi * hz * t)
    turned = np.pad(turned, (0, -turned.size % BLOCK)).reshape(-1, BLOCK).sum(axis=1)
    middle = t[0] + (np.arange(turned.size) * BLOCK + 0.5 * (BLOCK - 1)) * (t[1] - t[0])

    def left(v: np.ndarray) -> float:
        fall = -3.0 * np.log(10.0) / np.exp(np.clip(v[1], *np.log([SHORTEST_S, SLOWEST_S])))
        inside = np.exp(middle * (fall - 2j * np.pi * width * v[0])) @ turned
        return -float(np.abs(inside) ** 2 / np.sum(np.exp(2.0 * fall * middle)))

    start = np.array([[0.0, np.log(t60_s)], [1.0, np.log(t60_s)], [0.0, np.log(t60_s) + 0.5]])
    v = minimize(left, start[0], method="Nelder-Mead", options={"initial_simplex": start, "maxiter": STEPS}).x
    return hz + width * float(v[0]), float(np.clip(np.exp(v[1]), SHORTEST_S, SLOWEST_S))


def _taken(x: np.ndarray, t: np.ndarray, hz: float, t60_s: float) -> tuple[float, np.ndarray, complex]:
    """How much energy the best damped sinusoid of a frequency and a decay takes off `x`, itself, and what it is
    multiplied by."""
    part, c = nearest_wave(x, np.exp(t * (-3.0 * np.log(10.0) / t60_s + 2j * np.pi * hz)))
    return float(2.0 * (x @ part) - part @ part), part, c
