"""Frequency-modulated tones that a sound may be, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .modulated_onset import modulated_onsets
from .modulation_fit import Modulation, modulation
from .remembered import remembered
from .sideband_fit import carriers_and_modulators, different
from .tone_levels import level_curve, spectral_peaks

LOOKS_S = (0.25, 1.0)  # where the partials are looked for: near ones are told apart in the longer
SLOWEST_HZ, HOP_S = 100.0, 0.0025  # of the level
HIGHEST = 0.45  # of the sample rate, a carrier
AUDIBLE = 0.03  # of the peak level: frames that tell the index
FRAMES, FEW, MOST = 48, 4, 12  # FEW: every how many-th frame tells which tones are looked at closely


class ModulatedTone(NamedTuple):
    """The frequencies, the index at each time since the beginning, and the rad/s at which it begins to rise, if that
    is known."""

    carrier_hz: float
    modulator_hz: float
    of: Modulation
    time_s: Float[np.ndarray, " n"]
    rise: float | None = None


@remembered
def modulated_tones(x: Float[np.ndarray, " t"], sr: int) -> list[ModulatedTone]:
    """Those whose sidebands explain most of a note, `x` from its onset on, the best first."""
    loudest, time_s = _course(x, sr)
    pairs: list[tuple[float, float]] = []
    for size in (round(look_s * sr) for look_s in LOOKS_S):
        at = max(0, min(loudest, x.size - size))
        pairs += carriers_and_modulators(*spectral_peaks(x[at : at + size], sr))
    pairs = [(c, m) for c, m in pairs if c < HIGHEST * sr]
    pairs = sorted(different(pairs), key=lambda pair: -modulation(x, sr, *pair, time_s[::FEW]).explained)
    return [ModulatedTone(c, m, modulation(x, sr, c, m, time_s), time_s) for c, m in pairs[:MOST]]


@remembered
def begun_tones(x: Float[np.ndarray, " t"], sr: int) -> list[ModulatedTone]:
    """Those that explain most of how a note begins, the best first."""
    _, time_s = _course(x, sr)
    return [
        ModulatedTone(c, m, modulation(x, sr, c, m, time_s), time_s, rise) for c, m, rise, _ in modulated_onsets(x, sr)
    ]


def _course(x: np.ndarray, sr: int) -> tuple[int, np.ndarray]:
    """The loudest sample, and the moments that tell the index."""
    hop = max(1, round(HOP_S * sr))
    level = level_curve(x, sr, SLOWEST_HZ, hop)
    last_s = np.flatnonzero(level >= AUDIBLE * level.max())[-1] * hop / sr
    return int(np.argmax(level)) * hop, np.linspace(0.0, last_s, FRAMES)
