"""`ddsp-lab check`: do two recordings belong together?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .. import audio
from .._findings import findings
from .._pairs import prepare_pair
from .._score import esr, rounded
from ..effects import Gain
from ._recordings import load_pairs
from ._shell import Json, Strict, notes_json, show_json, show_notes, show_table, verb

FULL = 0.999  # a sample this large, repeated, is a clipped one
ROW = 3


@verb
def check(
    dry: Annotated[Path, typer.Argument(help="The dry recording.")],
    reference: Annotated[Path, typer.Argument(help="The same performance, processed.")],
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Measure delay, polarity and gain of a pair, and list what may spoil a fit, the likeliest cause first."""
    sounds = load_pairs([(dry, reference)], strict)
    pair = prepare_pair(sounds.dry[0], sounds.reference[0], sounds.sr, Gain(), strict=strict)
    notes = [*sounds.notes, *pair.notes]
    found = findings(pair, sounds.sr)
    x, y = (np.asarray(v, np.float64) for v in (pair.dry, pair.reference))
    result: dict[str, Any] = {
        "dry": _file(dry),
        "reference": _file(reference),
        **rounded(
            {
                "latency_samples": pair.alignment.latency_samples,
                "applied_samples": pair.alignment.applied_samples,
                "polarity": pair.alignment.polarity,
                "gain_db": pair.alignment.gain_db,
                "confidence": pair.alignment.confidence,
                "esr_best_gain": esr(y, np.vdot(x, y) / (np.vdot(x, x) + 1e-300) * x),
            }
        ),
        "notes": notes_json(notes),
        "checks": [finding._asdict() for finding in found],
    }
    if as_json:
        show_json(result)
        return
    files = [result["dry"], result["reference"]]
    show_table([(k, files[0][k], files[1][k]) for k in files[0]], "", dry.name, reference.name)
    show_table(
        [(k, v) for k, v in result.items() if k not in ("dry", "reference", "notes", "checks")],
        "",
        "reference against dry",
    )
    show_notes([*notes, *(finding.note for finding in found)])


def _file(path: Path) -> dict[str, Any]:
    sound = audio.load(path)
    peak = float(np.abs(sound.samples).max())
    return {
        "sample_rate": sound.sr,
        "channels": sound.samples.shape[0],
        **rounded({"seconds": sound.seconds, "peak_db": 20.0 * np.log10(peak + 1e-10)}),
        "lufs": audio.loudness(sound.samples, sound.sr),
        "clipped_samples": _clipped(sound.samples),
    }


def _clipped(x: np.ndarray) -> int:
    """Samples that stand in rows at full scale."""
    at_top = (np.abs(x) >= FULL).astype(int)
    return int(sum(np.sum(np.convolve(row, np.ones(ROW), "valid") == ROW) for row in at_top))
