"""Carrier and modulator of a frequency-modulated tone, from where its sidebands lie, on the host."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

STRONGEST = 10  # partials whose distances are tried
PARTS = (1, 2, 3, 4)  # of a distance: sidebands may be missing
BAND_HZ, BAND = 1.5, 5e-4  # how near to its place a sideband is, and of its frequency
LOWEST_HZ = 12.0  # of a modulator: slower is vibrato
REACH = 8  # sidebands on each side of the strongest partial that might be the carrier
APART = 0.002  # of a frequency: nearer candidates are one


def _met(peaks_hz: np.ndarray, carrier_hz: float, modulator_hz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Which partials lie at $s (f_c + k f_m)$, and the $s$ and $k$ of the nearest place to each."""
    sign = np.array([1.0, -1.0])
    k = np.rint((peaks_hz[:, None] * sign - carrier_hz) / modulator_hz)
    off = np.abs(sign * (carrier_hz + k * modulator_hz) - peaks_hz[:, None])
    side = np.argmin(off, axis=1)
    at = np.arange(peaks_hz.size), side
    return off[at] < BAND_HZ + BAND * peaks_hz, sign[side], k[at]


def _explained(peaks_hz: np.ndarray, weight: np.ndarray, carrier_hz: float, modulator_hz: float) -> float:
    """How much of them there is, less what chance would put there."""
    chance = np.minimum(4.0 * (BAND_HZ + BAND * peaks_hz) / modulator_hz, 1.0)
    return float(weight @ (_met(peaks_hz, carrier_hz, modulator_hz)[0] - chance))


def _refined(peaks_hz: np.ndarray, weight: np.ndarray, carrier_hz: float, modulator_hz: float) -> tuple[float, float]:
    """Both by least squares over all sidebands."""
    met, sign, k = _met(peaks_hz, carrier_hz, modulator_hz)
    if np.unique(k[met]).size < 2:
        return carrier_hz, modulator_hz
    rows = weight[met, None] * np.stack([np.ones(met.sum()), k[met]], axis=1)
    carrier, modulator = np.linalg.lstsq(rows, weight[met] * (sign * peaks_hz)[met])[0]
    return float(carrier), float(modulator)


def carriers_and_modulators(
    peaks_hz: Float[np.ndarray, " n"], amplitude: Float[np.ndarray, " n"], combs: int = 3
) -> list[tuple[float, float]]:
    r"""Pairs $(f_c, f_m)$ in Hz whose sidebands $|f_c + k f_m|$ hold most of the partials, the strongest first.

    A modulator is a distance between two strong partials, of which one may be mirrored at 0 Hz, or a part of it, and
    refined by all its sidebands; any place of such a comb may be the carrier's, those next to the strongest first.
    A partial counts by the root of its amplitude: the weak ones tell a modulator from its multiples.
    """
    if peaks_hz.size < 2:
        return [(float(f), float(f)) for f in peaks_hz]
    weight = np.sqrt(amplitude) / np.sqrt(amplitude).sum()
    strong = peaks_hz[:STRONGEST]
    distances = np.concatenate([np.abs(strong[:, None] - strong).ravel(), (strong[:, None] + strong).ravel()])
    tried = np.unique(np.round(np.concatenate([distances / part for part in PARTS]), 3))
    tried = tried[tried > LOWEST_HZ]
    found = sorted(((_explained(peaks_hz, weight, strong[0], f), f) for f in tried), reverse=True)
    modulators: list[float] = []
    for _, f in found:
        if len(modulators) < combs and all(abs(f / known - 1.0) > APART for known in modulators):
            modulators.append(float(f))
    pairs = []
    for modulator in modulators:
        carrier, exact = _refined(peaks_hz, weight, strong[0], modulator)
        carriers = np.abs(carrier + np.array(sorted(range(-REACH, REACH + 1), key=abs)) * exact)
        pairs += [(float(c), exact) for c in carriers[carriers > LOWEST_HZ]]
    return pairs


def different(pairs: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those of the pairs that are not one of the pairs before them."""
    kept: list[tuple[float, float]] = []
    for c, m in pairs:
        if all(max(abs(c / a - 1.0), abs(m / b - 1.0)) > APART for a, b in kept):
            kept.append((c, m))
    return kept
