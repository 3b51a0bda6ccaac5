"""Fair timings on a shared machine: candidates take turns, compiling is kept apart, medians and ratios count."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def interleaved(candidates: Mapping[str, Callable[[], Any]], rounds: int = 15) -> list[dict[str, Any]]:
    """One row a candidate: answer and seconds of the first call, median and quartiles of the rest in ms, and the median
    of the ratios to the first candidate, taken within rounds. A candidate returns when its work is done."""
    first, answer = {}, {}
    for name, run in candidates.items():
        began = time.perf_counter()
        answer[name] = run()
        first[name] = time.perf_counter() - began
        run()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            began = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - began)
    base = np.array(next(iter(times.values())))
    return [
        {
            "name": name,
            "first_s": first[name],
            "ms": float(1e3 * np.median(t)),
            "quartiles_ms": [float(q) for q in 1e3 * np.quantile(t, [0.25, 0.75])],
            "ratio": float(np.median(np.array(t) / base)),
            "answer": answer[name],
            "load": os.getloadavg()[0],
        }
        for name, t in times.items()
    ]
