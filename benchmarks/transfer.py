"""Timbre transfer between recordings: what one plays, in the sound of another.

`in_tune` is the share of the source's voiced frames in which the result is within 10 cents of its pitch, shifted;
`correlation` that of the A-weighted level curves, `flat_correlation` without the weighting. `distance_db` is between
the thirds of an octave of the result and of the timbre's recording, levels matched; `of_source_db` from there to the
source, and `ratio` the one over the other; `total_ratio` of root mean squares, where the levels of the whole are
matched. A timbre of one note has nothing in most bands: where the source plays other notes, no transfer comes near.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import ddsp_lab as dl
from ddsp_lab.dsp.loudness_track import track_loudness
from ddsp_lab.dsp.voice_scores import alike, third_octaves

from ._recovery import load

PAIRS = (
    ("cello-phrase", "sax-phrase"),
    ("singing-female", "flute-A4"),
    ("sax-phrase", "cello-phrase"),
    ("singing-female", "sax-phrase"),
    ("sax-phrase-short", "singing-female"),
    ("cello-phrase", "singing-female"),
    ("singing-female", "violin-B3"),
    ("sax-phrase", "flute-A4"),
    ("violin-B3", "sax-phrase"),
    ("violin-B3", "flute-A4"),
    ("speech-male", "cello-phrase"),
)


def run(args: Any) -> list[dict[str, Any]]:
    pairs = PAIRS[:2] if args.quick else PAIRS
    return [_row(args, *pair, decoder) for pair in pairs for decoder in ("network", "patch")]


def _row(args: Any, source: str, timbre: str, decoder: str) -> dict[str, Any]:
    line, other = (load(args.data, "tones", f"{name}.flac") for name in (source, timbre))
    result = dl.transfer(line.samples[0], other.samples[0], line.sr, decoder=decoder)
    m, flat = result.metrics, [track_loudness(v, line.sr, "none") for v in (line.samples[0], result.audio)]
    row = {
        "source": source,
        "timbre": timbre,
        "decoder": decoder,
        "shift": m["shift_octaves"],
        "in_tune": m["f0_within_10_cents"],
        "correlation": m["loudness_correlation"],
        "flat_correlation": alike(*flat),
        "distance_db": m["spectrum_distance_db"],
        "of_source_db": m["spectrum_distance_source_db"],
        "ratio": m["spectrum_distance_db"] / m["spectrum_distance_source_db"],
        "total_ratio": _total(result.audio, other, line) / _total(line.samples[0], other, line),
        "seconds": m["seconds"],
    }
    print(row, flush=True)
    return row


def _total(x: np.ndarray, other: dl.audio.Recording, line: dl.audio.Recording) -> float:
    a, b = (third_octaves(v, line.sr) for v in (x, other.samples[0]))
    a, b = (v - 10.0 * np.log10(np.sum(10.0 ** (v / 10.0))) for v in (a, b))
    return float(np.sqrt(np.mean(np.square(a - b))))
