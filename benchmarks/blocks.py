"""Every block of the registry, forwards and with the gradient in all its parameters; and effects beside peers.

Peers need the `compare` extra, and `pip install philtorch==0.6.0 --no-deps` for the comb.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl
from ddsp_lab._programs import jit

from ._fdn import fdn_rows
from ._timing import interleaved

SR, SECONDS = 44_100, 10
PEERS = ("torchlpc", "torchcomp", "dasp_pytorch", "pedalboard", "philtorch")
WANTED = {  # how many times faster than the peer each of ours has to be
    "torchlpc: EQ of 6 bands": 10.0,
    "dasp: EQ of 6 bands": 30.0,
    "torchcomp: compressor": 1.6,
    "philtorch: comb": 3.0,
    "pedalboard: phaser forwards": 2.0,
    "torchlpc: phaser": 2.0,
    "pedalboard: 64 EQs and compressors": 2.5,
}


def sound() -> np.ndarray:
    """Decaying bursts of noise, `(1, samples)`."""
    t = np.arange(SECONDS * SR) / SR
    noise = np.random.default_rng(0).standard_normal(t.size)
    return (0.1 * noise * np.exp(-6.0 * (t % 0.5))).astype(np.float32)[None]


def forwards(chain: dl.Block, values: Any, x: np.ndarray) -> Callable[[], Any]:
    play = jit(lambda p, x: chain.apply(p, x, dl.Context(SR)))
    p, x = jax.tree.map(jnp.asarray, values), jnp.asarray(x)
    return lambda: jax.block_until_ready(play(p, x))


def with_gradient(chain: dl.Block, values: Any, x: np.ndarray) -> Callable[[], Any]:
    """One call: forwards, and back to the sound and to all values."""
    slope = jit(jax.grad(lambda p, x: jnp.sum(chain.apply(p, x, dl.Context(SR)) ** 2), argnums=(0, 1)))
    p, x = jax.tree.map(jnp.asarray, values), jnp.asarray(x)
    return lambda: jax.block_until_ready(slope(p, x))


def at(chain: dl.Block, **values: Any) -> Any:
    """Values of a single block, the rest where they start."""
    return dl.Space(chain).complete(values)


def registry_rows(x: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for name, cls in sorted(dl.Block.registry.items()):
        if cls.needs_file:
            continue
        block = cls.example()
        space = dl.Space(block)
        values = space.decode(0.2 + 0.6 * space.start)
        timed = interleaved({"forward": forwards(block, values, x), "gradient": with_gradient(block, values, x)}, 5)
        rows.append(
            {
                "name": name,
                "forward_ms_per_s": timed[0]["ms"] / SECONDS,
                "gradient_ms_per_s": timed[1]["ms"] / SECONDS,
                "times_real_time": 1e3 * SECONDS / timed[0]["ms"],
                "ops_per_sample": dl.ops_per_sample(block, SR),
                "compile_s": timed[0]["first_s"],
                "gradient_compile_s": timed[1]["first_s"],
            }
        )
    return rows


def peer_rows(x: np.ndarray) -> list[dict[str, Any]]:
    """Ours first in each comparison; `ratio` is how many times longer the peer takes, by medians within rounds."""
    from . import _peer_blocks as peer

    eq, compressor, comb, phaser = (dl.parse(t) for t in ("parametric_eq(bands=6)", "compressor", "comb", "phaser"))
    delay, sr = 1051, SR
    bands = {"cutoff_hz": np.geomspace(100.0, 8000.0, 6), "gain_db": np.full(6, 3.0), "q": np.full(6, 0.7071)}
    sweep = 800.0 * 2.0 ** np.sin(2.0 * np.pi * 0.5 * np.arange(x.shape[1]) / sr)
    comparisons = {
        "EQ of 6 bands": {
            "ddsp_lab": with_gradient(eq, at(eq, **bands), x),
            "torchlpc": peer.eq("torchlpc", x, sr),
            "dasp": peer.eq("dasp", x, sr),
        },
        "compressor": {
            "ddsp_lab": with_gradient(compressor, at(compressor, knee_db=0.0), x),
            "torchcomp": peer.compressor(x, sr),
        },
        "comb": {
            "ddsp_lab": with_gradient(comb, at(comb, time_ms=1e3 * delay / sr, feedback=0.5), x),
            "philtorch": peer.comb(x, delay),
        },
        "phaser": {
            "ddsp_lab": with_gradient(phaser, at(phaser), x),
            "torchlpc": peer.phaser(x, sr, sweep.astype(np.float32)),
        },
        "phaser forwards": {
            "ddsp_lab": forwards(phaser, at(phaser), x),
            "pedalboard": peer.pedalboard_phaser(x, sr),
        },
        "64 EQs and compressors": _population(x),
    }
    rows = []
    for what, candidates in comparisons.items():
        ours, *theirs = interleaved(candidates, 9 if what.startswith("64") else 25)
        rows += [_row(what, ours, row) for row in theirs]
    return rows


def _row(what: str, ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{theirs['name']}: {what}",
        "ms": ours["ms"],
        "their_ms": theirs["ms"],
        "ratio": theirs["ratio"],
        "ratio_of_fastest": theirs["fastest_ms"] / ours["fastest_ms"],
        "wanted": WANTED[f"{theirs['name']}: {what}"],
        "load": theirs["load"],
    }


def _population(x: np.ndarray, size: int = 64) -> dict[str, Callable[[], Any]]:
    from . import _peer_blocks as peer

    rng = np.random.default_rng(0)
    fixed = {"ratio": 3.0, "attack_ms": 8.0, "release_ms": 100.0}
    rows = [
        {
            "parametric_eq": {
                "cutoff_hz": np.geomspace(100.0, 8000.0, 6) * 2.0 ** rng.uniform(-0.3, 0.3, 6),
                "gain_db": rng.uniform(-6.0, 6.0, 6),
                "q": np.full(6, 0.7071),
            },
            "compressor": {"threshold_db": rng.uniform(-40.0, -10.0), **fixed},
        }
        for _ in range(size)
    ]
    chain = dl.parse("parametric_eq(bands=6) >> compressor")
    space = dl.Space(chain)
    u, sound = jnp.asarray([space.encode(row) for row in rows], jnp.float32), jnp.asarray(x)
    play = jit(lambda u, x: jax.lax.map(lambda v: chain.apply(space.decode(v), x, dl.Context(SR)), u))
    return {
        "ddsp_lab": lambda: jax.block_until_ready(play(u, sound)),
        "pedalboard": peer.pedalboard_population(x, SR, rows),
    }


def run(args: Any) -> list[dict[str, Any]]:
    x = sound()
    missing = [name for name in PEERS if find_spec(name) is None]
    beside = [{"name": f"peers left out, not installed: {', '.join(missing)}"}] if missing else peer_rows(x)
    return beside + fdn_rows() + registry_rows(x)
