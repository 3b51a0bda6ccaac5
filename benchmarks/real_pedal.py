"""A real overdrive pedal from ten to fifteen seconds: fit some clips together, score one that was not seen.

The chain was chosen by leaving out clips 0, 1 and 2 in turn. Clip 3, an octave below them, is only scored.
Beside it what the best gain on the unseen clip itself and the best filter of the fitted clips leave.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy.signal import fftconvolve

import ddsp_lab as dl
from ddsp_lab._score import esr

from ._recovery import best_gain, fir, load

PEDAL = "TubeScreamer"
CHAIN = "(0.3*parametric_eq + 0.3*(parametric_eq >> soft_clip(drive_db=20))) >> parametric_eq"
OPTIMIZER, PRIOR, BUDGET = "lbfgs", 0.03, 1200
SPLITS = (((1, 2), 0), ((0, 2), 1), ((0, 1), 2), ((0, 1, 2), 3))


def run(args: Any) -> list[dict[str, Any]]:
    dry = [load(args.data, "od_pedals", f"clip{i}_dry.flac") for i in range(4)]
    wet = [load(args.data, "od_pedals", f"{PEDAL}_clip{i}_wet.flac").samples for i in range(4)]
    sr = dry[0].sr
    rows = []
    for seen, unseen in SPLITS:
        began = time.perf_counter()
        result = dl.fit(
            CHAIN,
            [dry[i].samples for i in seen],
            [wet[i] for i in seen],
            sr,
            target="esr",
            optimizer=OPTIMIZER,
            prior=PRIOR,
            budget=BUDGET,
            align=False,
        )
        seconds = time.perf_counter() - began
        joined = [np.concatenate([s[i][0] for i in seen]) for s in ([d.samples for d in dry], wet)]
        x = dry[unseen].samples
        filtered = fftconvolve(x[0], fir(*joined))[None, : x.shape[1]]
        row = {
            "seen": " ".join(map(str, seen)),
            "unseen": unseen,
            "esr_seen": float(np.mean([esr(wet[i], result.render(dry[i].samples, sr)) for i in seen])),
            "esr_unseen": esr(wet[unseen], result.render(x, sr)),
            "best_gain": best_gain(x, wet[unseen]),
            "fir_of_seen": esr(wet[unseen], filtered),
            "parameters": dl.Space(dl.parse(CHAIN)).size,
            "seconds": seconds,
            "compile_seconds": result.metrics["compile_seconds"],
        }
        rows.append(row)
        print(row, flush=True)
    return rows
