"""The multi-resolution STFT distance and its gradient, 10 s of mono, beside auraloss on one thread and on all."""

from __future__ import annotations

import os

# threads that spin while they wait make PyTorch many times slower as soon as something else wants one of the cores
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl

from ._timing import interleaved

SR, SECONDS = 44_100, 10


def run(args: Any) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    x, y = (0.1 * rng.standard_normal((2, 1, SECONDS * SR))).astype(np.float32)
    rows = []
    for sizes, target in (
        ("auraloss sizes", dl.targets.MultiResolutionStft(auraloss_compatible=True)),
        ("hop N/4", dl.targets.MultiResolutionStft()),
    ):
        candidates = {"ddsp_lab": _ours(target, x, y)}
        if find_spec("auraloss"):
            for threads in sorted({1, os.cpu_count() or 1}):
                candidates[f"auraloss, {threads} threads"] = _theirs(target.resolutions, x, y, threads)
        rows += [row | {"sizes": sizes} for row in interleaved(candidates)]
    return rows


def _ours(target: dl.Target, x: np.ndarray, y: np.ndarray) -> Any:
    features, given = target.prepare(jnp.asarray(x), SR), jnp.asarray(y)
    both = jax.jit(jax.value_and_grad(lambda f, v: target.distance(f, v, SR), argnums=1))

    def step() -> float:
        value, slope = both(features, given)
        slope.block_until_ready()
        return float(value)

    return step


def _theirs(resolutions: Any, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    import torch
    from auraloss.freq import MultiResolutionSTFTLoss

    sizes, hops, windows = map(list, zip(*resolutions, strict=True))
    loss = MultiResolutionSTFTLoss(sizes, hops, windows)
    reference, given = (torch.from_numpy(v[None]) for v in (x, y))
    given = given.requires_grad_()

    def step() -> float:
        torch.set_num_threads(threads)
        given.grad = None
        value = loss(given, reference)
        value.backward()
        return value.item()

    return step
