"""How loud each harmonic of a sound is along its pitch, frame by frame, and their sum again, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import rfft
from scipy.interpolate import CubicSpline
from scipy.signal import resample_poly

from .stft import hann

CYCLES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)  # that a window may hold: even, so that it ends between two
SPAN_S = 0.02  # as long as a window at least is
FINER = 2  # the rate at which a cubic reads between samples
HIGHEST, MOST = 0.47, 256  # of the sample rate: no harmonic is read above; harmonics
AT_ONCE = 1 << 21  # numbers
ABSORBED = 1.5  # bins of a Hann window: the band of noise about a harmonic that is read as a part of it


class Harmonics(NamedTuple):
    r"""$x \approx \mathrm{Re} \sum_k c_k e^{2 \pi i k \varphi}$ at every `hop`-th sample, $\varphi$ the phase `turns`.

    `noise` is the power that the sound has half-way to the neighbours of each harmonic: as much of $|c_k|^2$ is none of
    its own. `absorbed` is the share of all noise that the harmonics hold.
    """

    amplitude: Complex[np.ndarray, "n k"]
    noise: Float[np.ndarray, "n k"]
    absorbed: Float[np.ndarray, " n"]
    turns: Float[np.ndarray, " t"]

    @property
    def level(self) -> Float[np.ndarray, "n k"]:
        """Amplitudes without the noise in them."""
        return np.sqrt(np.maximum(np.square(np.abs(self.amplitude)) - self.noise, 0.0))


def pitch_turns(f0_hz: Float[np.ndarray, " n"], hop: int, samples: int, sr: int) -> Float[np.ndarray, " t"]:
    """Cycles since the first sample of a pitch given every `hop` samples."""
    hz = np.interp(np.arange(samples), hop * np.arange(len(f0_hz)), f0_hz)
    return (np.cumsum(hz) - hz) / sr


def read_harmonics(
    x: Float[np.ndarray, " t"], sr: int, f0_hz: Float[np.ndarray, " n"], hop: int, span_s: float = SPAN_S
) -> Harmonics:
    """The harmonics of a mono sound whose pitch at every `hop`-th sample is known.

    Each window holds a whole, even number of cycles, four at least, read at equal steps of the phase: vibrato is gone,
    and the transform of a Hann window is zero at every other harmonic, so that each is read as if alone, as least
    squares would.

    Reference: Serra, Smith, "Spectral modeling synthesis: a sound analysis/synthesis system based on a deterministic
    plus stochastic decomposition", Computer Music Journal 14(4), 1990.
    """
    turns = pitch_turns(f0_hz, hop, x.size, sr)
    count = int(np.clip(HIGHEST * sr / f0_hz.min(), 1, MOST))
    fine = resample_poly(x, FINER, 1)
    between = CubicSpline(np.arange(fine.size) / FINER, fine)
    amplitude, noise = np.zeros((len(f0_hz), count), complex), np.zeros((len(f0_hz), count))
    cycles = np.array(CYCLES)[np.minimum(np.searchsorted(CYCLES, span_s * f0_hz), len(CYCLES) - 1)]
    a_cycle = np.maximum(8, 2 ** np.ceil(np.log2(sr / f0_hz)).astype(int))  # points, so many that nothing folds back
    middle = np.interp(hop * np.arange(len(f0_hz)), np.arange(x.size), turns)
    for held, points in sorted(set(zip(cycles.tolist(), a_cycle.tolist(), strict=True))):
        alike = np.flatnonzero((cycles == held) & (a_cycle == points))
        window = hann(held * points)
        for rows in np.array_split(alike, -(-alike.size * window.size // AT_ONCE)):
            phase = middle[rows, None] + np.arange(window.size) / points - held / 2
            spectrum = rfft(_at(phase, between, turns, sr, f0_hz) * window) * (2.0 / window.sum())
            k = np.arange(1, min(count, points // 2 - 1) + 1)
            heard = k * f0_hz[rows, None] < HIGHEST * sr
            # a whole, even number of cycles before the middle: the phase there is that of the first point
            turned = np.exp(-2j * np.pi * k * middle[rows, None])
            amplitude[rows, : k.size] = np.where(heard, spectrum[:, k * held] * turned, 0.0)
            beside = np.square(np.abs(spectrum[:, np.arange(points // 2 + 1) * held - held // 2]))
            noise[rows, : k.size] = np.where(heard, 0.5 * (beside[:, k] + beside[:, k + 1]), 0.0)
    return Harmonics(amplitude, noise, ABSORBED / cycles, turns)


def _at(
    phase: Float[np.ndarray, "r m"], between: CubicSpline, turns: Float[np.ndarray, " t"], sr: int, f0_hz: np.ndarray
) -> Float[np.ndarray, "r m"]:
    """The sound where its phase has these values; nothing before it begins and after it has ended."""
    at = np.interp(phase, turns, np.arange(turns.size))
    inside = (phase >= turns[0]) & (phase <= turns[-1])
    return np.where(inside, between(at), 0.0)


def summed(amplitude: Complex[np.ndarray, "n k"], turns: Float[np.ndarray, " t"], hop: int) -> Float[np.ndarray, " t"]:
    r"""$\mathrm{Re} \sum_k c_k e^{2 \pi i k \varphi}$, $c_k$ straight between its values at every `hop`-th sample."""
    step = np.exp(2j * np.pi * turns)
    at = np.minimum(np.arange(turns.size) / hop, len(amplitude) - 1)
    before = np.minimum(at.astype(int), max(len(amplitude) - 2, 0))
    later, after = at - before, np.minimum(before + 1, len(amplitude) - 1)
    y, wave = np.zeros(turns.size), np.ones(turns.size, complex)
    for c in amplitude.T:
        wave = wave * step
        y += ((c[before] + later * (c[after] - c[before])) * wave).real
    return y
