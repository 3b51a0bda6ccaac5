"""Evaluations a second of a hosted plugin, isolation and loss included, beside a plain loop over pedalboard.

All set every control, play the same dry recording and compute the error-to-signal ratio, in turns; the loop runs in a
process of its own, the plugin of a chain in its worker or, with `--executor local:2`, in two of them. NaN says that the
loop died: ZamTube takes it along when its tone stack is changed often.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ddsp_lab as dl
from ddsp_lab import _problem
from ddsp_lab._crew import Crew
from ddsp_lab._pairs import Pair, Window, problem
from ddsp_lab._parse import parse_target
from ddsp_lab.hosts._facts import located

from ._recovery import load
from ._searches import NO_ALIGNMENT
from .plugins import DRY

COUNT, ROUNDS = 64, 5
PLAIN = """
import json, sys, time
import numpy as np, pedalboard
path, settings, audio = sys.argv[1], json.loads(sys.argv[2]), np.load(sys.argv[3])
plugin = pedalboard.load_plugin(path)
controls = [q for q in plugin._parameters if q.is_automatable and not q.name.lower().startswith("current program")]
reference, began = audio[::-1].copy(), 0.0
for k, row in enumerate([settings[0], *settings]):
    if k == 1:
        began = time.perf_counter()
    for control, raw in zip(controls, row, strict=True):
        control.raw_value = raw
    y = plugin.process(audio, 48000, reset=True)
    np.sum((reference - y) ** 2) / np.sum(reference ** 2)
print(len(settings) / (time.perf_counter() - began))
"""


def run(args: Any) -> list[dict[str, Any]]:
    return [_row(name, load(args.data, "blackbox_fx", f"{dry}.flac")) for name, dry in DRY.items()]


def _row(name: str, sound: Any) -> dict[str, Any]:
    block, x = dl.plugin(f"{name}.vst3"), sound.samples
    space, window = dl.Space(block), Window(0, 0, x.shape[1])
    reference = x[:, ::-1].copy()
    whole = problem([Pair(x, reference, NO_ALIGNMENT)], [window], space, parse_target("esr"), sound.sr)
    us = np.random.default_rng(0).uniform(size=(COUNT, space.size))
    with Crew("local:2") as crew:
        crew_losses = crew.computing(whole)
        assert crew_losses
        ways = {
            "evaluations_per_s": lambda: _timed(lambda: _problem.losses(whole, us)),
            "local:2": lambda: _timed(lambda: crew_losses(_problem.losses, us, ())),
            "plain_loop": lambda: _plain(block, space, us, x),
        }
        rounds = [{name: way() for name, way in ways.items()} for _ in range(1 + ROUNDS)]
    found = {name: np.array([one[name] for one in rounds[1:]]) for name in ways}  # the first compiles
    plain = found["plain_loop"]
    medians = {k: float(np.median(v)) for k, v in found.items()}
    return {"plugin": name, **medians, **{f"{k} ratio": float(np.median(v / plain)) for k, v in found.items()}}


def _timed(play: Callable[[], np.ndarray]) -> float:
    began = time.perf_counter()
    play()
    return COUNT / (time.perf_counter() - began)


def _plain(block: Any, space: dl.Space, us: np.ndarray, x: np.ndarray) -> float:
    """The same by pedalboard alone."""
    rows = [block.sent({k: np.asarray(v) for k, v in space.decode(u).items()}) for u in us]
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder, "x.npy")
        np.save(audio, x)
        command = [sys.executable, "-c", PLAIN, located(block.path), json.dumps(rows), audio]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else np.nan
