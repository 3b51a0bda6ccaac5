"""A generation of 64 candidates, six bands of equaliser and a compressor, rendered and compared with the
multi-resolution STFT distance, 10 s of mono: beside a loop over pedalboard and auraloss.

Pedalboard's blocks stand for the work, not for the same sound: its compressor has no knee and no look-ahead.
"""

from __future__ import annotations

import os

# threads that spin while they wait make PyTorch many times slower as soon as something else wants one of the cores
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import ddsp_lab as dl
from ddsp_lab import _problem
from ddsp_lab._pairs import Window, prepare_pair, problem

from ._timing import interleaved
from .gradient_step import SR, recordings

CHAIN, COUNT, ROUNDS = "parametric_eq(bands=6) >> compressor", 64, 5
TARGETS = {
    "auraloss sizes": dl.targets.MultiResolutionStft(auraloss_compatible=True),
    "hop N/4": dl.targets.MultiResolutionStft(),
}


def run(args: Any) -> list[dict[str, Any]]:
    x, y = recordings()
    candidates = {f"ddsp_lab, {name}": _ours(target, x, y) for name, target in TARGETS.items()}
    if find_spec("auraloss") and find_spec("pedalboard"):
        candidates["pedalboard and auraloss"] = _theirs(TARGETS["auraloss sizes"], x, y)
    rows = interleaved(candidates, ROUNDS)
    slowest = rows[-1]
    return [row | {"times_faster_than_peers": slowest["ms"] / row["ms"]} for row in rows]


def _ours(target: dl.Target, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    space = dl.Space(dl.parse(CHAIN))
    pair = prepare_pair(x, y, SR, space.chain, aligned=False)
    whole = problem([pair], [Window(0, 0, pair.samples)], space, target, SR)
    us = np.random.default_rng(0).uniform(size=(COUNT, space.size))
    return lambda: float(_problem.losses(whole, us).min())


def _theirs(target: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    import pedalboard as pb
    import torch
    from auraloss.freq import MultiResolutionSTFTLoss

    loss = MultiResolutionSTFTLoss(*map(list, zip(*target.resolutions, strict=True)))
    reference, settings = torch.from_numpy(y[None]), np.random.default_rng(0).uniform(size=(COUNT, 22))

    def one(u: np.ndarray) -> float:
        shapes = (pb.LowShelfFilter, *(pb.PeakFilter,) * 4, pb.HighShelfFilter)
        bands = [
            shape(float(40.0 * 400.0**f), float(30.0 * g - 15.0), float(0.3 + 5.0 * q))
            for shape, f, g, q in zip(shapes, *u[:18].reshape(3, 6), strict=True)
        ]
        squeeze = pb.Compressor(
            float(-60.0 * u[18]), float(1.0 + 19.0 * u[19]), float(100.0 * u[20]), float(1e3 * u[21])
        )
        rendered = pb.Pedalboard([*bands, squeeze])(x, SR)
        with torch.no_grad():
            return loss(torch.from_numpy(rendered[None]), reference).item()

    def generation() -> float:
        torch.set_num_threads(os.cpu_count() or 1)
        return min(one(u) for u in settings)

    return generation
