"""How long the gradient step takes to compile: with an empty cache, from the cache in a new process, and again with
other audio and other values. `first_call_s` is the wall time of the first call less that of a later one: it holds
tracing, lowering and compiling; `first_s` is the same by JAX's own clocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

PROGRAM = """
import json, time
import optax
import ddsp_lab as dl
dl.tune_process()
from ddsp_lab._process import compile_seconds
from benchmarks.gradient_step import recordings, stepper
x, y = recordings()
target = dl.targets.MultiResolutionStft()
ready = target.prepare(y, 44100)  # the features' own program is not the step's
step = stepper(target, x, y)
before = compile_seconds()
began = time.perf_counter()
step()
wall = time.perf_counter() - began
first = compile_seconds() - before
before = compile_seconds()
stepper(target, 0.5 * x, y)()
began = time.perf_counter()
step()
wall -= time.perf_counter() - began
print(json.dumps({"first_call_s": wall, "first_s": first, "second_call_s": compile_seconds() - before}))
"""


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold", "from the cache, new process", "from the cache, new process"):
            environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": folder}
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
            )
            rows.append({"name": name, **json.loads(done.stdout), "load": os.getloadavg()[0]})
    return rows
