"""How one recording sits against another: delay, polarity and gain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz
from scipy.signal import find_peaks, hilbert

from .._errors import AudioError
from .relative_level import louder_by_db
from .transfer import measure

WHITEN = 0.8  # between correlation (0), blunt for tonal sources, and phase alone (1), which hears noise
CANDIDATES = 8  # peaks of the correlation that are looked at closely
BEFORE, TAPS = 24, 96  # the short filter that has to explain the reference: samples before the delay, and in all
EXPLAINED = 0.05  # of the reference's energy: less, and the recordings have nothing to do with each other
STRAIGHT = 0.8  # how straight, 0 to 1, a phase has to be before a delay is believed
BENT = 0.2  # a phase that is straighter than without delay by no more than this is taken to be bent, not late
INVERTED = 0.5  # how straight a phase has to be, turned round, before recordings without a delay count as inverted
AS_STRAIGHT = 0.02  # two delays whose phases differ by less than this do equally well
INCOHERENT = 0.02  # coherence is never trusted to be nearer to one than this
FINE = 24.0  # samples about the coarse delay searched for the exact one
STEP = 0.01
UNSURE = 0.75  # samples: a shorter delay is taken for the phase of a filter


class Alignment(NamedTuple):
    """The reference against the source: late by `latency_samples`, times `polarity`, `gain_db` louder.

    `applied_samples` is the whole number of samples by which recordings are shifted before a fit. `gain_db` is a ratio
    of energies; steady noise of the reference's own does not count. `confidence` is how straight, 0 to 1, the phase
    between the two is at that delay.
    """

    latency_samples: float
    applied_samples: int
    polarity: int
    gain_db: float
    confidence: float


def align(
    source: np.ndarray, reference: np.ndarray, sr: int, longest_s: float = 2.0, delays: bool = False
) -> Alignment:
    """Measure delay, polarity and gain of `(channels, samples)` recordings.

    Peaks of the partly whitened cross-correlation are candidates for the delay. Taken is the one at which the phase
    of the measured response is straightest over frequency, weighted by coherence; the phase as it is, or less the
    minimum phase of the response, whichever is straighter, because an equaliser bends phase without being late. No
    delay is taken where that is nearly as straight, where no delay gives a straight phase, and where the reference
    would be slightly early. With `delays` (there is an echo between the two) a delay above a millisecond is not taken
    either: the loudest arrival may be an echo.

    Raises `AudioError` (`align-ambiguous`) where nothing is explained, or where two delays do equally well.

    References: Knapp, Carter, "The generalized correlation method for estimation of time delay", IEEE TASSP 24(4),
    1976; Oppenheim, Schafer, "Discrete-Time Signal Processing", 3rd ed., 2010, section 12.3 (minimum phase).
    """
    x, y = np.asarray(source, np.float64).mean(0), np.asarray(reference, np.float64).mean(0)
    if source.shape[0] != reference.shape[0]:
        source, reference = x[None], y[None]
    explained = _explained(x, y, int(longest_s * sr))
    most = max(explained.values())
    lines = [_straightest(source, reference, lag, sr) for lag, e in explained.items() if lag == 0 or e > 0.5 * most]
    zero, best = lines[0], max(lines, key=lambda line: line.straightness)
    rivals = [r for r in lines if abs(r.delay - best.delay) > 2.0 and r.straightness > best.straightness - AS_STRAIGHT]
    echo = delays and abs(best.delay) > 1e-3 * sr
    straight = abs(zero.at_zero) > best.straightness - BENT
    if echo or straight or best.straightness < STRAIGHT or -FINE < best.delay < -UNSURE:
        # no delay is believed: neither is a slope, nor the polarity that goes with it, unless it is that of an echo
        delay = zero.delay if abs(zero.delay) < UNSURE else 0.0
        loud = echo and not straight and best.straightness >= STRAIGHT
        polarity = best.polarity if loud else -1 if zero.at_zero < -INVERTED else 1
        best, applied = zero._replace(delay=delay, polarity=polarity), 0
    else:
        applied = 0 if abs(best.delay) < UNSURE else round(best.delay)
    if most < EXPLAINED or (applied and rivals):
        raise AudioError(
            "align-ambiguous",
            f"No delay between the recordings stands out: the best, {best.delay:.1f} samples, explains "
            f"{most:.0%} of the reference{f', and {rivals[0].delay:.1f} samples fit as well' if rivals else ''}.",
            "Check that they are one performance, or give --no-align and a target that needs no alignment.",
        )
    gain_db = louder_by_db(*overlap(source, reference, applied), sr)
    return Alignment(best.delay, applied, best.polarity, gain_db, best.straightness)


def overlap(source: np.ndarray, reference: np.ndarray, late: int) -> tuple[np.ndarray, np.ndarray]:
    """The parts of two recordings that belong together when the reference is `late` samples late."""
    source, reference = source[:, max(0, -late) :], reference[:, max(0, late) :]
    samples = min(source.shape[1], reference.shape[1])
    return source[:, :samples], reference[:, :samples]


def _explained(x: np.ndarray, y: np.ndarray, longest: int) -> dict[int, float]:
    """The share of `y` that a short filter of `x` explains, at no delay and at the correlation's highest peaks."""
    longest = min(longest, max(x.size, y.size) - 1)
    size = next_fast_len(x.size + y.size + 2 * TAPS, real=True)
    fx, fy = rfft(x, size), rfft(y, size)
    cross = np.conj(fx) * fy
    strength = np.abs(cross)
    sharp = np.abs(irfft(cross / (strength**WHITEN + 1e-6 * strength.max(initial=1e-300) ** WHITEN), size))
    lags = np.concatenate([np.arange(longest + 1), np.arange(-longest, 0)])
    peaks, _ = find_peaks(np.concatenate([[0.0], sharp[lags], [0.0]]), distance=16)
    highest = peaks[np.argsort(-sharp[lags[peaks - 1]])][:CANDIDATES] - 1
    auto, raw = irfft(np.abs(fx) ** 2, size)[:TAPS], irfft(cross, size)
    auto[0] = auto[0] * (1.0 + 1e-6) + 1e-300
    energy = float(y @ y) + 1e-300
    result = {}
    for lag in {0, *lags[highest].tolist()}:
        seen = raw[np.arange(lag - BEFORE, lag - BEFORE + TAPS)]
        result[lag] = float(seen @ solve_toeplitz(auto, seen)) / energy
    return result


class Line(NamedTuple):
    """A straight line through the phase of a response: its slope, its sign at zero frequency, how near the phases are
    to it (0 to 1), and how near they are to the line without slope (-1 to 1, negative if that is turned round)."""

    delay: float
    polarity: int
    straightness: float
    at_zero: float


def _straightest(source: np.ndarray, reference: np.ndarray, lag: int, sr: int) -> Line:
    """The best line within `FINE` samples about `lag` through the phase as it is, or less the minimum phase."""
    seen = measure(*overlap(source, reference, lag), sr)
    if seen.frequency_hz.size < 8:
        return Line(float(lag), 1, 0.0, 0.0)
    width = np.gradient(seen.frequency_hz)  # bands are wider, and know more, the higher they are
    weight = width * seen.coherence / (1.0 - seen.coherence + INCOHERENT)
    weight /= weight.sum()
    fine = np.linspace(-FINE, FINE, round(2 * FINE / STEP) + 1)
    turn = np.exp(2j * np.pi * np.outer(fine, seen.frequency_hz / sr))
    phase = seen.response / np.abs(seen.response)
    bent = np.exp(-1j * _minimum_phase(seen.frequency_hz, np.abs(seen.response), sr))
    lines = []
    for candidate in (phase, phase * bent):
        score = (turn @ (weight * candidate)).real
        best = int(np.argmax(np.abs(score)))
        at_zero = float(np.sum(weight * candidate).real) if lag == 0 else 0.0
        lines.append(Line(float(lag + fine[best]), 1 if score[best] >= 0.0 else -1, float(abs(score[best])), at_zero))
    return max(lines, key=lambda line: line.straightness)


def _minimum_phase(frequency: np.ndarray, magnitude: np.ndarray, sr: int, bins: int = 8192) -> np.ndarray:
    """The phase of the minimum-phase filter with this magnitude, held constant outside the measured range."""
    grid = np.arange(bins // 2 + 1) * sr / bins
    log = np.interp(np.log(np.maximum(grid, grid[1] / 2)), np.log(frequency), np.log(magnitude))
    phase = -np.imag(hilbert(np.concatenate([log, log[-2:0:-1]])))[: grid.size]
    return np.interp(frequency, grid, phase)
