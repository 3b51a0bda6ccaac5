"""Two pitches under one vibrato, and under noise, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d
from scipy.signal import resample_poly

from .lfo_fit import apart, refined
from .remembered import remembered
from .steady_spectrum import steady_spectrum

RATE, LONGEST_S, SHORTEST_S = 8820, 2.0, 0.05  # of the sound that is looked at, in Hz; and of a note
PITCHES_HZ = 27.5 * 2.0 ** (np.arange(940) * 8.0 / 1200.0)  # eight cents apart
RATES_HZ = np.concatenate([np.geomspace(0.1, 1.0, 9)[:-1], np.arange(1.0, 20.0, 0.25)])
DEPTHS_ST = np.linspace(0.125, 2.0, 16)
LEVEL_S, QUIET, ENDS = 0.03, 0.01, 3e-3  # the level is evened out down to so much of its peak; there the note ends
TRIED, CLOSER = 3, ((0.2, 2.0), (0.4, 1.0), (np.inf, 0.5))  # windows in s and steps: long ones show less of the way
OCTAVE = 0.8  # as clear as this, the octave of a pitch is the pitch
LEAST = np.array([RATES_HZ[0], np.log2(PITCHES_HZ[0]), 0.0])  # Hz, octaves, semitones
MOST = np.array([RATES_HZ[-1], np.log2(PITCHES_HZ[-1]), DEPTHS_ST[-1]])


class Combs(NamedTuple):
    """Two tones under one vibrato. `clear` is the logarithm of the power over that of the noise, summed over harmonics;
    `over` the amplitudes of their fundamentals over that of the white noise about them, in a band of 1 Hz."""

    f0_hz: tuple[float, float]
    clear: tuple[float, float]
    over: tuple[float, float]
    rate_hz: float
    depth_st: float


def _evened(x: Float[np.ndarray, " t"], sr: int) -> Float[np.ndarray, " s"]:
    """The note up to its end, as loud throughout as it may be made."""
    x = resample_poly(x[: round(LONGEST_S * sr)], RATE, sr)
    level = np.sqrt(np.maximum(uniform_filter1d(np.square(x), round(LEVEL_S * RATE)), 0.0)) + 1e-12
    end = int(np.flatnonzero(level >= ENDS * level.max())[-1]) + 1
    return (x / (level + QUIET * level.max()))[:end]


def _vibrato(x: Float[np.ndarray, " t"]) -> tuple[float, float, float, float]:
    """How clear a tone is at most, and the rate, the depth and the pitch at which it is."""

    def best(rate_hz: float, depth_st: float) -> tuple[float, ...]:
        clear = steady_spectrum(x, RATE, rate_hz, depth_st, CLOSER[0][0]).clear(PITCHES_HZ)
        return float(clear.max()), rate_hz, float(np.log2(PITCHES_HZ[np.argmax(clear)])), depth_st

    def clear(v: np.ndarray, window_s: float = np.inf) -> float:
        if np.any(v < LEAST) or np.any(v > MOST):
            return 0.0
        return float(steady_spectrum(x, RATE, v[0], v[2], window_s).clear(np.array([2.0 ** v[1]]))[0])

    met = [best(1.0, 0.0), *(best(rate, depth) for rate in RATES_HZ for depth in DEPTHS_ST)]
    found = []
    for _, rate, octaves, depth in apart(met, np.array([0.3, 0.05]))[:TRIED]:
        v = np.array([rate, octaves, depth])
        for window_s, wide in CLOSER:
            steps = wide * np.array([0.05 + 0.03 * v[0], 0.003, 0.06])
            v = refined(lambda v, w=window_s: -clear(v, w), v, steps)
        found.append((clear(v), float(v[0]), float(v[2]), float(2.0 ** v[1])))
    return max(found)


@remembered
def combs(x: Float[np.ndarray, " t"], sr: int) -> Combs | None:
    """The two tones of a note, `x` from its onset on, the clearer first; None for what is too short."""
    x = _evened(x, sr) if np.any(x) else x[:0]
    if x.size < SHORTEST_S * RATE:
        return None
    _, rate_hz, depth_st, first = _vibrato(x)
    spectrum = steady_spectrum(x, RATE, rate_hz, depth_st, np.inf)
    above = 2.0 * first * 2.0 ** (np.arange(-20.0, 21.0) / 1200.0)
    clear = spectrum.clear(above)
    if clear.max() > OCTAVE * spectrum.clear(np.array([first]))[0]:
        first = float(above[np.argmax(clear)])
    rest = spectrum.without(first)
    pitches = PITCHES_HZ[0] * 2.0 ** (np.arange(7520) / 1200.0)
    second = float(pitches[np.argmax(rest.clear(pitches))])

    def over(f0_hz: float) -> float:
        """In a bin of n samples under a Hann window a sine has n / 4 of its amplitude, white noise 3 n / 8 of its
        variance, and the median of that is ln 2 of the mean."""
        at = round(f0_hz * spectrum.bins)
        return float(
            np.sqrt(6.0 * np.log(2.0) * RATE / x.size * spectrum.over[max(at - 2, 0) : at + 3].max(initial=0.0))
        )

    clear = float(spectrum.clear(np.array([first]))[0]), float(rest.clear(np.array([second]))[0])
    return Combs((first, second), clear, (over(first), over(second)), rate_hz, depth_st)
