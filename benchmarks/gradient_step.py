"""One gradient step: 10 s of mono, 6-band EQ, compressor, gain, multi-resolution STFT, Adam; beside peers, where they
are installed, with the same sizes, hops and windows."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl
from ddsp_lab._evaluate import Evaluate
from ddsp_lab._pairs import Window, prepare_pair, problem

from ._timing import elsewhere, interleaved

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


UNTUNED = """
import ddsp_lab as dl
from benchmarks.gradient_step import recordings, stepper
step = stepper(dl.targets.MultiResolutionStft(auraloss_compatible={compatible}), *recordings())
"""


def agreement(target: dl.targets.MultiResolutionStft, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """How far our loss and gradient and the exact peer's are apart where the maths is the same, at a ratio of 1."""
    from ._peers import slope

    rng = np.random.default_rng(1)
    chain = dl.parse(CHAIN)
    eq = {
        "cutoff_hz": np.geomspace(100.0, 8000.0, 6),
        "gain_db": rng.uniform(-6.0, 6.0, 6),
        "q": rng.uniform(0.5, 2.0, 6),
    }
    unity = {"threshold_db": -20.0, "ratio": 1.0 + 1e-6, "attack_ms": 8.0, "release_ms": 100.0}
    features = target.prepare(jnp.asarray(y), SR)

    def ours(eq: Any) -> Any:
        values = {"parametric_eq": eq, "compressor": unity}
        return target.distance(features, dl.render(chain, values, x, SR), SR)

    loss, gradient = jax.jit(jax.value_and_grad(ours))({k: jnp.asarray(v, jnp.float32) for k, v in eq.items()})
    theirs, their_gradient = slope("torchlpc+torchcomp", x, y, SR, target.resolutions, eq | unity | {"level_db": 0.0})
    apart = {k: float(np.linalg.norm(v - their_gradient[k]) / np.linalg.norm(v)) for k, v in gradient.items()}
    return {"name": "agreement at a ratio of 1", "loss": float(loss), "torchlpc+auraloss": theirs} | apart


def run(args: Any) -> list[dict[str, Any]]:
    x, y = recordings()
    rows = []
    for sizes, target in (
        ("auraloss sizes", dl.targets.MultiResolutionStft(auraloss_compatible=True)),
        ("hop N/4", dl.targets.MultiResolutionStft()),
    ):
        untuned = elsewhere(UNTUNED.format(compatible=target.auraloss_compatible))
        candidates = {"ddsp_lab": stepper(target, x, y), "ddsp_lab without tune_process": untuned}
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
        else:
            rows.append(agreement(target, x, y) | {"sizes": sizes})
    return rows
