"""Which of the checks a pair fails, and by how much."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ._block import Block
from ._checks import CHECKS, DRY, Finding
from ._damage import Damage
from ._pairs import NO_ALIGNMENT, Pair
from .dsp import clicks, pair_faults, recording_faults

LOOKED_AT_S = 60.0  # of each recording
UNSURE = 0.5  # confidence in a delay
TOPS, OFFSET, NOISE, REPLICATE = 3, 0.02, 1e-3, 0.01  # how much there has to be; the last two are ESRs
DROP_DB = 20.0  # at the end of a spectrum, within a 40th of its frequency
PEAK_DB, SHORT_S = -60.0, 0.5
CROWD, CROWDED, FLATTER_DB = 6, 6.0, 3.0  # see `Ceiling`
RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)
LOSSY_HZ = (14_500.0, 20_500.0)  # where encoders stop


def findings(pair: Pair, sr: int, known: Iterable[Block | Damage] = ()) -> list[Finding]:
    """What may be wrong with an aligned pair, in the order of `CHECKS`. What a `known` link or damage does to the
    reference is no fault.

    Nothing is changed. Of long recordings the first minute is looked at, of several channels the loudest.
    """
    measured: dict[str, tuple] = {}

    def found(code: str, *figures: object) -> None:
        explained = figures[0] != DRY and any(CHECKS[code].explained(which) for which in known)
        if code not in measured and not explained:
            measured[code] = figures

    whole = {DRY: pair.dry, "reference": pair.reference}
    whole = {k: np.asarray(v[:, : int(LOOKED_AT_S * sr)], np.float64) for k, v in whole.items()}
    loudest = {k: v[np.argmax(np.sum(v**2, axis=1))] for k, v in whole.items()}
    x, y = loudest.values()
    if pair.alignment != NO_ALIGNMENT and pair.alignment.confidence < UNSURE:
        found("check-latency", pair.alignment.confidence)
    if pair.samples < SHORT_S * sr:
        found("check-short", pair.samples / sr)
    tops = 0
    for what, v in whole.items():
        if (tops := sum(recording_faults.flat_tops(row) for row in v)) >= TOPS:
            found("check-clipped", what, tops)
        if (offset := max(recording_faults.offset(row) for row in v)) > OFFSET:
            found("check-dc", what, offset)
        if (peak_db := 20.0 * np.log10(np.abs(v).max() + 1e-30)) < PEAK_DB:
            found("check-level", what, peak_db)
    for what, other in zip(loudest, reversed(loudest), strict=True):
        if (torn := recording_faults.gaps(loudest[what], loudest[other], sr)).size:
            found("check-dropout", what, torn.size, torn[0] / sr)
    left = {k: clicks.unpredicted(v, sr) for k, v in loudest.items()}
    for what, other in zip(left, reversed(left), strict=True):
        if (torn := clicks.clicks(loudest[what], left[what], left[other], sr)).size:
            found("check-click", what, torn.size, torn[0] / sr)
    edges = {k: recording_faults.edge(v, sr) for k, v in loudest.items()}
    for what, (hz, drop_db) in edges.items():
        rate = next((r for r in RATES if 0.88 * r < 2.0 * hz < 1.01 * r), None)
        if drop_db < DROP_DB or hz > 0.46 * sr:
            continue
        if LOSSY_HZ[0] < hz < LOSSY_HZ[1]:
            found("check-lossy", what, hz / 1e3)
        elif rate:
            found("check-rate", what, hz / 1e3, rate)
    for what, a, b in (("reference", x, y), (DRY, y, x)):
        if (noise := pair_faults.noise(a, b, sr)) > NOISE:
            found("check-noise", what, -10.0 * np.log10(noise))
    if (apart := pair_faults.replicate(x, y, sr)) is not None and apart > REPLICATE:
        found("check-replicate", apart)
    before, after = (pair_faults.ceiling(v, sr) for v in (x, y))
    held = after.frames >= CROWD and after.crowding > CROWDED and after.crest_db < before.crest_db - FLATTER_DB
    if tops < TOPS and held and (before.frames < CROWD or before.crowding < CROWDED):
        found("check-limited", after.frames)
    return [
        Finding(code, f"{(text := check.says.format(*measured[code]))[:1].upper()}{text[1:]}.", check.remedy)
        for code, check in CHECKS.items()
        if code in measured
    ]
