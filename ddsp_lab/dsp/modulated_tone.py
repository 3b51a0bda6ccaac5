"""Frequency-modulated tones that a sound may be, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .modulation_fit import Modulation, modulation
from .remembered import remembered
from .sideband_fit import carriers_and_modulators, different
from .tone_levels import level_curve, spectral_peaks

LOOKS_S = (0.25, 1.0)  # where the partials are looked for: near ones are told apart in the longer
SLOWEST_HZ, HOP_S = 100.0, 0.0025  # of the level
AUDIBLE = 0.03  # of the peak level: frames that tell the index
FRAMES, FEW, MOST = 48, 4, 12  # FEW: every how many-th frame tells which tones are looked at closely


class ModulatedTone(NamedTuple):
    """The frequencies, and the index at each time since the beginning."""

    carrier_hz: float
    modulator_hz: float
    of: Modulation
    time_s: Float[np.ndarray, " n"]


@remembered
def modulated_tones(x: Float[np.ndarray, " t"], sr: int) -> list[ModulatedTone]:
    """Those that explain most of a note, `x` from its onset on, the best first."""
    hop = max(1, round(HOP_S * sr))
    level = level_curve(x, sr, SLOWEST_HZ, hop)
    loudest, pairs = int(np.argmax(level)) * hop, []
    for size in (round(look_s * sr) for look_s in LOOKS_S):
        at = max(0, min(loudest, x.size - size))
        pairs += carriers_and_modulators(*spectral_peaks(x[at : at + size], sr))
    time_s = np.linspace(0.0, np.flatnonzero(level >= AUDIBLE * level.max())[-1] * hop / sr, FRAMES)
    pairs = sorted(different(pairs), key=lambda pair: -modulation(x, sr, *pair, time_s[::FEW]).explained)
    return [ModulatedTone(c, m, modulation(x, sr, c, m, time_s), time_s) for c, m in pairs[:MOST]]
