"""A feedback delay network of eight damped lines beside SciPy's six second-order sections, on the same ten seconds."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.signal import butter, sosfilt

import ddsp_lab as dl
from ddsp_lab._programs import jit

from ._timing import interleaved

SR, SECONDS = 44_100, 10
SECTIONS_HZ = (200, 500, 1000, 2000, 4000, 8000)
WANTED = {"forward": 2.0, "forward + gradient": 6.25}  # times what SciPy takes


def fdn_rows() -> list[dict[str, Any]]:
    """One row for SciPy and one for each direction: medians, minima, and their ratios to SciPy's."""
    x = jnp.asarray(0.1 * np.random.default_rng(0).standard_normal((1, SECONDS * SR)), jnp.float32)
    sections = np.vstack([butter(2, hz, fs=SR, output="sos") for hz in SECTIONS_HZ])
    samples = np.asarray(x[0])
    block = dl.effects.ReverbFdn()
    space = dl.Space(block)
    u = jnp.asarray(0.2 + 0.6 * space.start, jnp.float32)

    def play(u: Any, x: Any) -> Any:
        return block.apply(space.decode(u), x, dl.Context(SR))

    forward = jit(play)
    both = jit(jax.value_and_grad(lambda u, x: jnp.sum(play(u, x) ** 2)))
    timed = interleaved(
        {
            "sosfilt": lambda: sosfilt(sections, samples),
            "forward": lambda: jax.block_until_ready(forward(u, x)),
            "forward + gradient": lambda: jax.block_until_ready(both(u, x)),
        },
        rounds=31,
    )
    return [
        {
            "name": f"reverb_fdn {row['name']}" if row["name"] in WANTED else "scipy sosfilt, 6 sections",
            "ms": row["ms"],
            "fastest_ms": row["fastest_ms"],
            "times_sosfilt": row["ratio"],
            "times_sosfilt_fastest": row["fastest_ms"] / timed[0]["fastest_ms"],
            "wanted": WANTED.get(row["name"]),
            "compile_s": row["first_s"],
        }
        for row in timed
    ]
