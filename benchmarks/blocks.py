"""Every block of the registry: one second of mono forwards, and with the gradient in all its parameters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl

from ._timing import interleaved

SR, SECONDS = 48_000, 10


def run(args: Any) -> list[dict[str, Any]]:
    x = jnp.asarray(0.1 * np.random.default_rng(0).standard_normal((1, SECONDS * SR)), jnp.float32)
    rows = []
    for name, cls in sorted(dl.Block.registry.items()):
        block = cls.example()
        space = dl.Space(block)
        u = jnp.asarray(0.2 + 0.6 * space.start, jnp.float32)

        def play(u: Any, x: Any, block: Any = block, space: Any = space) -> Any:
            return block.apply(space.decode(u), x, dl.Context(SR))

        forward = jax.jit(play)
        gradient = jax.jit(jax.grad(lambda u, x, play=play: jnp.sum(play(u, x) ** 2)))
        timed = interleaved(
            {
                "forward": lambda f=forward, u=u: jax.block_until_ready(f(u, x)),
                "gradient": lambda f=gradient, u=u: jax.block_until_ready(f(u, x)),
            }
        )
        rows.append(
            {
                "name": name,
                "forward_ms_per_s": timed[0]["ms"] / SECONDS,
                "gradient_ms_per_s": timed[1]["ms"] / SECONDS,
                "times_real_time": 1e3 * SECONDS / timed[0]["ms"],
                "ops_per_sample": dl.ops_per_sample(block, SR),
                "compile_s": timed[0]["first_s"],
            }
        )
    return rows
