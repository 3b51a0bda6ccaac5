"""Playing live: 256 samples at a time at 48 kHz through a chain of eight, on one core, in a process of its own.

`p99_of_budget` is the 99th percentile of the time a piece takes over the 5.33 ms it lasts, `cpu_p99_of_budget` that of
the time the processor spends on it, which says what an idle machine would do where this one is shared. `apart` is how
far the pieces are from the whole, against its largest sample.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SR, PIECE, SECONDS = 48_000, 256, 10
CHAINS = {
    "mixing desk": "high_pass >> gate >> parametric_eq(bands=4) >> compressor >> soft_clip >> delay >> reverb_fdn"
    " >> gain",
    "wrappers": "mid_side(compressor, gain) >> bypass(delay) >> modulate(gain, target='gain_db') >> mix(soft_clip)"
    " >> feedback(low_pass) >> (0.5 * gain + 0.5 * high_pass) >> stereo_width >> gain",
}


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    for name, chain in CHAINS.items():
        ask = [sys.executable, "-m", "benchmarks.streaming", chain]
        done = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=True)
        rows.append({"name": name, **json.loads(done.stdout), "load": os.getloadavg()[0]})
    return rows


def measure(text: str) -> dict[str, Any]:
    """Time every piece of ten seconds of stereo noise, and hold the pieces against the whole."""
    import time

    import jax
    import numpy as np

    import ddsp_lab as dl

    dl.tune_process()
    chain = dl.parse(text)
    p = jax.device_put(dl.Space(chain).decode(dl.Space(chain).start))
    x = (0.2 * np.random.default_rng(0).standard_normal((2, SECONDS * SR // PIECE * PIECE))).astype(np.float32)
    step = jax.jit(lambda p, state, x, start_s: chain.step(p, state, x, dl.Context(SR, start_s)), donate_argnums=1)
    clocks, times = (time.perf_counter, time.process_time), []
    for warm in (True, False):
        state, pieces = jax.tree.map(lambda v: v.copy(), chain.init(2, dl.Context(SR))), []
        for n in range(0, 4 * PIECE if warm else x.shape[1], PIECE):
            began = [clock() for clock in clocks]
            state, y = step(p, state, x[:, n : n + PIECE], np.float32(n / SR))
            pieces.append(np.asarray(y))
            times += [] if warm else [[clock() - then for clock, then in zip(clocks, began, strict=True)]]
    played = np.concatenate(pieces, axis=1)
    whole = np.asarray(jax.jit(lambda p, x: chain.apply(p, x, dl.Context(SR)))(p, x))
    (middle, high), (cpu_middle, cpu_high) = np.quantile(1e3 * np.array(times), [0.5, 0.99], axis=0).T.tolist()
    budget = 1e3 * PIECE / SR
    return {
        "ms": middle,
        "p99_ms": high,
        "p99_of_budget": high / budget,
        "cpu_ms": cpu_middle,
        "cpu_p99_of_budget": cpu_high / budget,
        "apart": float(np.abs(played - whole).max() / np.abs(whole).max()),
    }


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads
    print(json.dumps(measure(sys.argv[1])))
