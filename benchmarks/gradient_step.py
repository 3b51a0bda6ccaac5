"""One gradient step: 10 s of mono, 6-band EQ, compressor, gain, multi-resolution STFT, Adam; beside peers, where they
are installed, with the same sizes, hops and windows."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np

import ddsp_lab as dl
from ddsp_lab._evaluate import Evaluate
from ddsp_lab._pairs import Window, prepare_pair, problem

from ._timing import interleaved

CHAIN = "parametric_eq(bands=6) >> compressor >> gain"
SR, SECONDS = 44_100, 10
PEERS = ("torchlpc", "torchcomp", "auraloss", "dasp_pytorch")


def recordings() -> tuple[np.ndarray, np.ndarray]:
    """Decaying bursts of noise, and the same through the chain at other settings, `(1, samples)`."""
    rng = np.random.default_rng(0)
    t = np.arange(SECONDS * SR) / SR
    x = (0.1 * rng.standard_normal(t.size) * np.exp(-6.0 * (t % 0.5))).astype(np.float32)[None]
    chain = dl.parse(CHAIN)
    return x, dl.render(chain, dl.Space(chain).sample(jax.random.key(3)), x, SR)


def stepper(target: dl.Target, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """Adam's own step, by the way a fit takes it; returns the loss before it."""
    space = dl.Space(dl.parse(CHAIN))
    pair = prepare_pair(x, y, SR, space.chain, aligned=False)
    evaluate = Evaluate(problem([pair], [Window(0, 0, pair.samples)], space, target, SR))
    adam = dl.optimizers.Adam()
    state = adam.init(jax.random.key(0), space)

    def step() -> float:
        nonlocal state
        state = adam.step(jax.random.key(0), evaluate, state).state
        return evaluate.best.loss

    return step


def run(args: Any) -> list[dict[str, Any]]:
    x, y = recordings()
    rows = []
    for sizes, target in (
        ("auraloss sizes", dl.targets.MultiResolutionStft(auraloss_compatible=True)),
        ("hop N/4", dl.targets.MultiResolutionStft()),
    ):
        candidates = {"ddsp_lab": stepper(target, x, y)}
        missing = [name for name in PEERS if find_spec(name) is None]
        if not missing:
            from ._peers import stepper as peer

            for how in ("torchlpc+torchcomp", "dasp"):
                candidates[f"{how}+auraloss"] = peer(how, x, y, SR, target.resolutions)
        timed = interleaved(candidates)
        for row in timed:
            row["sizes"] = sizes
            row["loss_at_start"] = row.pop("answer")
        rows += timed
        if missing:
            rows.append({"name": f"peers left out, not installed: {', '.join(missing)}", "sizes": sizes})
    return rows
