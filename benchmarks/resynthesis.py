"""Recordings of single voices and instruments, put together again from pitch, harmonics and noise.

`in_tune` is the share of voiced frames whose pitch, followed again in the result, is within 10 cents, `sure_in_tune`
that of the frames that repeat with a confidence of 0.9. `off_db` and `off_95_db` are the mean and the 95th percentile
of how far the A-weighted level is off where the sound is within 50 dB of its loudest; `mrstft` is over FFT 512, 1024
and 2048. The two pianos and the speech are not one steady voice: chords, and consonants.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import ddsp_lab as dl
from ddsp_lab.dsp.f0 import track_f0
from ddsp_lab.dsp.loudness_track import track_loudness
from ddsp_lab.dsp.voice_scores import in_tune

from ._recovery import found

SETS = ("nsynth", "tones")
SURE = 0.9


def run(args: Any) -> list[dict[str, Any]]:
    return [_row(path) for name in SETS for path in sorted(found(args.data, name).glob("*.flac"))]


def _row(path: Path) -> dict[str, Any]:
    x, sr = soundfile.read(path, always_2d=True)
    x = x.mean(axis=1)
    began = time.perf_counter()
    result = dl.resynthesize(x, sr)
    seconds = time.perf_counter() - began
    heard, f0, loud = track_f0(result.audio, sr), result.f0, result.loudness_db
    sure = dataclasses.replace(f0, voiced=f0.voiced & (f0.confidence > SURE))
    off = np.abs(track_loudness(result.audio, sr) - loud)[loud > loud.max() - 50.0]
    row = {
        "file": path.stem,
        "in_tune": in_tune(heard, f0),
        "sure_in_tune": in_tune(heard, sure),
        "off_db": float(np.mean(off)),
        "off_95_db": float(np.percentile(off, 95.0)),
        "mrstft": result.metrics["mrstft"],
        "seconds": seconds,
    }
    print(row, flush=True)
    return row
