"""Which targets know the direction of a pitch error? Of steps of 25 cents towards the right pitch, how many lower each.

Tones of half a second with one or eight harmonics (amplitudes 1/k, phases at random), 3 to 24 semitones off either way,
all targets on the same draws.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl

from ._recovery import wanted

SR, SECONDS, DRAWS = 32000, 0.5, 150
STEP = 0.25  # semitones


def tone(frequency_hz: float, phases: np.ndarray) -> np.ndarray:
    k = np.arange(1, phases.size + 1)[:, None]
    t = np.arange(int(SR * SECONDS)) / SR
    mono = np.sum(np.sin(2 * np.pi * k * frequency_hz * t + phases[:, None]) / k, axis=0)
    return np.tile(0.2 * mono, (2, 1)).astype(np.float32)


def trials(harmonics: int, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """References, tones that are off, and the same a step nearer: each (count, 2, samples)."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        off = rng.choice([-1.0, 1.0]) * rng.uniform(3.0, 24.0)
        wanted_hz = 110.0 * 2.0 ** rng.uniform(1.0, 2.0)
        phases = rng.uniform(0.0, 2.0 * np.pi, (2, harmonics))
        steps = (0.0, off, off - np.sign(off) * STEP)
        rows.append([tone(wanted_hz * 2.0 ** (s / 12.0), phases[int(i > 0)]) for i, s in enumerate(steps)])
    a, b, c = np.moveaxis(np.asarray(rows), 1, 0)
    return a, b, c


def share(target: dl.Target, tones: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """The share of trials in which the nearer tone is the nearer one to the target too."""

    @jax.jit
    def both(reference: jax.Array, far: jax.Array, near: jax.Array) -> jax.Array:
        features = target.prepare(reference, SR)
        return target.distance(features, near, SR) < target.distance(features, far, SR)

    return float(np.mean([bool(both(*map(jnp.asarray, trial))) for trial in zip(*tones, strict=True)]))


def run(args: Any) -> list[dict[str, Any]]:
    count = wanted(args, DRAWS)
    cases = {f"{n} harmonic{'s' * (n > 1)}": trials(n, count) for n in (1, 8)}
    return [
        {"target": name} | {case: f"{share(member(), tones):.0%}" for case, tones in cases.items()}
        for name, member in sorted(dl.Target.registry.items())
    ]
