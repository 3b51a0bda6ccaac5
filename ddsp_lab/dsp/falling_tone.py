"""A tone whose pitch falls while it dies away, as a drum's skin sounds, heard on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.fft import fft, fftfreq, ifft, next_fast_len
from scipy.optimize import least_squares
from scipy.signal import resample_poly

from .damped_modes import damped_modes
from .dying_line import dying_line, powers
from .nearest_wave import nearest_wave

LONGEST_S = 0.8  # of a sound that is looked at
SWEEPS_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5)  # tried
POLISHED = 2  # of them
STEADY_ST, STEADY_S = 1.0, 0.03  # of sweep, with which a mode is polished
TELLING = 0.9999  # of the energy: what comes after tells nothing
BLOCK_S = 0.01  # of a level
ROUNDS = 25  # of polishing
RATE = 5  # samples of a period of the highest frequency


class FallingTone(NamedTuple):
    r"""$a\,10^{-3 t / T} \sin(\varphi(t) + 2\pi p)$ of the frequency $f\,2^{s\,10^{-3 t / T_s} / 12}$; the `phase`
    $p$ is in cycles, `left` the share of the energy, below the highest frequency, that is something else."""

    hz: float
    sweep_st: float
    sweep_s: float
    t60_s: float
    level: float
    phase: float
    left: float

    def cycles(self, t: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
        """The phase since the beginning at times of even distance."""
        return falling_cycles(t, self.hz, self.sweep_st, self.sweep_s)


def falling_cycles(t: Float[np.ndarray, " t"], hz: float, sweep_st: float, sweep_s: float) -> Float[np.ndarray, " t"]:
    r"""The phase of what sounds at $f\,2^{s\,10^{-3 t / T_s} / 12}$, at times of even distance."""
    now_hz = hz * 2.0 ** (sweep_st * 10.0 ** (-3.0 * t / sweep_s) / 12.0)
    return (np.cumsum(now_hz) - now_hz) * (t[1] - t[0] if t.size > 1 else 0.0)


def beginning(
    x: Float[np.ndarray, " t"], sr: int, longest_s: float, rate_hz: float
) -> tuple[Float[np.ndarray, " s"], float]:
    """So much of a sound, at a rate that is enough for it, and that rate: `rate_hz` or up to twice as much."""
    fewer = max(1, int(sr / rate_hz))
    return resample_poly(np.asarray(x[: int(longest_s * sr)], np.float64), 1, fewer), sr / fewer


def falling_tones(
    x: Float[np.ndarray, " t"], sr: int, hz: tuple[float, float], most_st: float, most_hz: float
) -> list[FallingTone]:
    """Tones that take much off `x` below `most_hz`, the one that takes most first: each ends between the two of `hz`
    and begins up to `most_st` semitones higher. None of silence.

    The frequency at each moment is the slope of the phase of the analytic signal, weighed by its power; a line in what
    a sweep does to the logarithm of frequency is drawn through it for some sweeps, and the best are polished on the
    wave itself; and so is the strongest mode, since in noise the slope of the phase is that of the noise.

    Reference: Boashash, "Estimating and interpreting the instantaneous frequency of a signal", Proceedings of the IEEE
    80(4), 1992.
    """
    x, rate = beginning(x, sr, LONGEST_S, RATE * most_hz)
    z = _analytic(x, rate, min(most_hz, 0.45 * rate))
    power = np.abs(z) ** 2
    if z.size < 8 or not power.sum() > 0.0:
        return []
    t, low = np.arange(z.size) / rate, np.real(z)
    slope = np.angle(z[1:] * np.conj(z[:-1])) * rate / (2.0 * np.pi)
    told = (slope > 0.5 * hz[0]) & (slope < most_hz)
    octave, weight = np.log2(slope[told]), (power[1:] * power[:-1])[told] ** 0.25
    if told.sum() < 4:
        return []
    starts = []
    for sweep_s in SWEEPS_S:
        rows = weight * np.stack([np.ones(told.sum()), 10.0 ** (-3.0 * t[:-1][told] / sweep_s) / 12.0])
        ridge = 1e-6 * np.trace(rows @ rows.T) * np.eye(2)
        base, sweep_st = np.linalg.solve(rows @ rows.T + ridge, rows @ (weight * octave))
        base, sweep_st = np.clip(base, *np.log2(hz)), np.clip(sweep_st, 0.0, most_st)
        error = np.sum((weight * octave - rows.T @ [base, sweep_st]) ** 2)
        starts.append((error, base, sweep_st, sweep_s))
    line = dying_line(powers(low, hop := max(1, round(BLOCK_S * rate))), hop / rate)
    t60_s = line.t60_s if line else 1.0
    until = int(np.searchsorted(np.cumsum(power), TELLING * power.sum())) + 8
    starts = [np.array([base, st, np.log(s), np.log(t60_s)]) for _, base, st, s in sorted(starts)[:POLISHED]]
    for mode in damped_modes(x, rate, 1, *hz):
        starts.append(np.array([np.log2(np.clip(mode.hz, *hz)), STEADY_ST, np.log(STEADY_S), np.log(mode.t60_s)]))
    found = [_polished(low[:until], t[:until], start, hz, most_st) for start in starts]
    return sorted(found, key=lambda tone: tone.left)


def _analytic(x: np.ndarray, rate: float, most_hz: float) -> np.ndarray:
    """Twice the positive frequencies up to `most_hz`, which fade out over the next half octave."""
    size = next_fast_len(2 * x.size)
    f = fftfreq(size, 1.0 / rate)
    fade = np.clip(3.0 - 2.0 * f / most_hz, 0.0, 1.0) * (f > 0.0)
    return ifft(2.0 * fade * fft(x, size))[: x.size]


def _polished(
    low: np.ndarray, t: np.ndarray, start: np.ndarray, hz: tuple[float, float], most_st: float
) -> FallingTone:
    energy = float(low @ low)
    least = np.array([np.log2(hz[0]), 0.0, *np.log([0.004, 0.01])])
    most = np.array([np.log2(hz[1]), most_st, *np.log([0.6, 40.0])])

    def nearest(v: np.ndarray) -> tuple[np.ndarray, complex]:
        cycles = falling_cycles(t, 2.0 ** v[0], v[1], np.exp(v[2]))
        return nearest_wave(low, np.exp(2j * np.pi * cycles - 3.0 * np.log(10.0) * t / np.exp(v[3])))

    def residual(v: np.ndarray) -> np.ndarray:
        return (low - nearest(v)[0]) / np.sqrt(energy)

    start = np.clip(start, least + 1e-6, most - 1e-6)
    v = least_squares(residual, start, bounds=(least, most), x_scale=[0.02, 0.5, 0.2, 0.2], max_nfev=ROUNDS).x
    ends_hz, sweep_s, t60_s = 2.0 ** v[0], np.exp(v[2]), np.exp(v[3])
    left = float(np.sum(residual(v) ** 2))
    c = nearest(v)[1]
    phase = float(np.angle(c)) / (2.0 * np.pi)
    return FallingTone(float(ends_hz), float(v[1]), float(sweep_s), float(t60_s), abs(c), phase, left)


def without(
    x: Float[np.ndarray, " t"], sr: float, tone: FallingTone, times: float = 1.0, decay: float = 1.0
) -> tuple[Float[np.ndarray, " t"], float]:
    """`x` without a partial that is so many `times` as high as the tone and whose decay is that share of the tone's,
    and the level of that partial."""
    t = np.arange(x.size) / sr
    wave = np.exp(2j * np.pi * times * tone.cycles(t) - 3.0 * np.log(10.0) * t / (decay * tone.t60_s))
    part, c = nearest_wave(x, wave)
    return x - part, abs(c)
