"""Frequency-modulated tones that a sound may be, from how it begins, on the host.

An index that is led by an envelope begins at 0: the first periods are those of the carrier alone, and its phase then
begins to move with the modulator, however many sidebands fold into one another later.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .remembered import remembered
from .tone_levels import level_curve, spectral_peaks

SEEN_S, PARTIALS_S = 0.025, 0.05  # what is explained, and where the distances of partials are looked for
# how long a carrier is looked for, and how many periods in `SEEN_S` it may be beside a peak: it sways in short looks
CARRIERS = (
    (0.5 * SEEN_S, (0.0, -0.4, 0.4, -0.8, 0.8, -1.2, 1.2)),
    (SEEN_S, (0.0, -0.4, 0.4)),
    (PARTIALS_S, (0.0,)),
)
STRONGEST, STRONG = 3, 0.1  # partials of each that may be the carrier, and of the strongest one's amplitude
APART = 0.3  # periods in `SEEN_S` by which carriers differ
PARTIALS, LOWEST_HZ = 8, 15.0  # whose distances may be the modulator; of a carrier
SLOW_HZ = np.geomspace(4.0, 300.0, 24)  # modulators whose sidebands are no partials yet
AS_SLOW_HZ = 80.0  # whose phase is that of the onset, heard a little late or not
APART_HZ, APART_SHARE = 8.0, 0.15  # of modulators
RISES = np.geomspace(6.0, 400.0, 7)  # of the index, in rad/s
FEEDBACK = 0.4  # a middle one
MOST = 8


class ModulatedOnset(NamedTuple):
    """The frequencies, the rad/s at which the index rises at first, and the share of the energy that is explained."""

    carrier_hz: float
    modulator_hz: float
    rise: float
    explained: float


@remembered
def modulated_onsets(x: Float[np.ndarray, " t"], sr: int) -> list[ModulatedOnset]:
    r"""Those that explain most of $x(t) = E(t) \sin(2 \pi f_c t + \phi + r t \sin(2 \pi f_m t + \psi + \dots))$, the
    best first: `x` from its onset on, $E$ its level."""
    size = round(SEEN_S * sr)
    seen = x[:size]
    if seen.size < size or not seen.any():
        return []
    wanted = (seen / np.linalg.norm(seen)).astype(np.float32)
    level = level_curve(wanted, sr, 1.0 / PARTIALS_S, 1).astype(np.float32)
    level /= level.max()
    strong_hz, _ = spectral_peaks(x[: round(PARTIALS_S * sr)], sr)
    found = [
        _explained(wanted, level, sr, carrier_hz, modulator_hz)
        for carrier_hz in _carriers(x, sr)
        for modulator_hz in _modulators(strong_hz[:PARTIALS], carrier_hz)
    ]
    kept: list[ModulatedOnset] = []
    for one in sorted(found, key=lambda one: -one.explained):
        if not any(_alike(one, other) for other in kept):
            kept.append(one)
    return kept[:MOST]


def _carriers(x: np.ndarray, sr: int) -> list[float]:
    """The strongest partials of the first moments, and what is a little beside those of the shortest."""
    kept: list[float] = []
    for look_s, beside in CARRIERS:
        peaks_hz, amplitude = spectral_peaks(x[: round(look_s * sr)], sr)
        strong = peaks_hz[amplitude > STRONG * amplitude.max(initial=0.0)][:STRONGEST]
        for by in beside:
            for f in strong + by / SEEN_S:
                if f > LOWEST_HZ and all(abs(f - other) > APART / SEEN_S for other in kept):
                    kept.append(float(f))
    return kept


def _modulators(strong_hz: np.ndarray, carrier_hz: float) -> list[float]:
    """Slow ones, and the distances of the carrier to the partials, of which one may be mirrored at 0 Hz."""
    kept = SLOW_HZ.tolist()
    for f in np.stack([np.abs(strong_hz - carrier_hz), strong_hz + carrier_hz], axis=1).ravel():
        if f > AS_SLOW_HZ / 2 and all(abs(f - other) > APART_HZ for other in kept):
            kept.append(float(f))
    return kept


def _explained(x: np.ndarray, level: np.ndarray, sr: int, carrier_hz: float, modulator_hz: float) -> ModulatedOnset:
    """At the best of the rises, by least squares over the carrier's phase."""
    t = np.arange(x.size) / sr
    turns = np.zeros(1) if modulator_hz < AS_SLOW_HZ else 0.5 * np.pi * np.arange(4)
    theta = 2.0 * np.pi * modulator_hz * t + turns[:, None]
    wave = np.sin(theta + FEEDBACK * np.sin(theta + FEEDBACK * np.sin(theta)))
    phase = (2.0 * np.pi * carrier_hz * t + RISES[:, None, None] * t * wave).reshape(-1, x.size).astype(np.float32)
    parts = level * np.stack([np.cos(phase), np.sin(phase)], axis=1)
    gram = parts @ parts.swapaxes(1, 2) + 1e-4 * np.eye(2)
    inner = parts @ x
    explained = np.sum(inner * np.linalg.solve(gram, inner[..., None])[..., 0], axis=1)
    best = int(np.argmax(explained))
    return ModulatedOnset(carrier_hz, modulator_hz, float(RISES[best // turns.size]), float(explained[best]))


def _alike(one: ModulatedOnset, other: ModulatedOnset) -> bool:
    apart_hz = abs(one.carrier_hz - other.carrier_hz), abs(one.modulator_hz - other.modulator_hz)
    return apart_hz[0] < APART / SEEN_S and apart_hz[1] < max(APART / SEEN_S, APART_SHARE * other.modulator_hz)
