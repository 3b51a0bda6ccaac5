"""Fair timings on a shared machine: candidates take turns, compiling is kept apart, medians and ratios count."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def interleaved(candidates: Mapping[str, Callable[[], Any]], rounds: int = 15) -> list[dict[str, Any]]:
    """One row a candidate: answer and seconds of the first call, median, quartiles and minimum of the rest in ms, and
    median and quartiles of the ratios to the first candidate, taken within rounds. A candidate returns when its work
    is done."""
    first, answer = {}, {}
    for name, run in candidates.items():
        began = time.perf_counter()
        answer[name] = run()
        first[name] = time.perf_counter() - began
        run()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in random.sample(list(candidates.items()), len(candidates)):
            began = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - began)
    base = np.array(next(iter(times.values())))
    return [
        {
            "name": name,
            "first_s": first[name],
            "ms": float(1e3 * np.median(t)),
            "quartiles_ms": _quartiles(1e3 * np.array(t)),
            "fastest_ms": float(1e3 * min(t)),
            "ratio": float(np.median(np.array(t) / base)),
            "ratio_quartiles": _quartiles(np.array(t) / base),
            "answer": answer[name],
            "load": os.getloadavg()[0],
        }
        for name, t in times.items()
    ]


def _quartiles(values: np.ndarray) -> list[float]:
    return [float(f"{q:.4g}") for q in np.quantile(values, [0.25, 0.75])]


def elsewhere(program: str) -> Callable[[], float]:
    """A candidate in a process of its own, which other settings of a process need. `program` defines `step`."""
    loop = "import sys\nfor _ in sys.stdin:\n    print('answer', step(), flush=True)"
    worker = subprocess.Popen(
        [sys.executable, "-c", f"{program}\n{loop}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    ask, answers = worker.stdin, worker.stdout

    def step() -> float:
        print(file=ask, flush=True)
        return float(next(line for line in answers if line.startswith("answer")).split()[1])

    return step
