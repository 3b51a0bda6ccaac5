"""Sixty-four voices of 4 s at 44.1 kHz, forwards and with the gradient in all their settings, beside peers.

`subtractive` beside SynthAX's two synths, each from random settings. Ours has two band-limited oscillators, vibrato,
noise, a resonant filter that an envelope moves at every sample and an envelope for the level. SynthAX's `Voice` has two
oscillators that alias, noise, two LFOs and six envelopes at 441 Hz, `ParametricSynth` one oscillator more; neither has
a filter, and a hundredth of their gradients is not finite. `additive` with 64 harmonics beside a bank of 64 sines in
PyTorch, as in DDSP (Engel et al., "DDSP: differentiable digital signal processing", ICLR, 2020), voice by voice.

Peers need the `compare` extra.
"""

from __future__ import annotations

import os

# threads that spin while they wait make PyTorch many times slower as soon as something else wants one of the cores
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl

from ._timing import interleaved

SR, SECONDS, COUNT, ROUNDS = 44_100, 4.0, 64, 7
HARMONICS, HOP = 64, 64
Calls = dict[str, Callable[[], Any]]


def run(args: Any) -> list[dict[str, Any]]:
    rounds = 2 if args.quick else ROUNDS
    tables = []
    for ours, theirs in (("subtractive", "synthax"), (f"additive(partials={HARMONICS})", "torch")):
        peers = {"synthax": _synthax, "torch": _torch}[theirs]() if find_spec(theirs) else {}
        for what in ("forwards", "gradient"):
            chains = [ours] if theirs == "synthax" else [ours, ours.replace(")", ", glides=true)")]
            candidates = {chain: _ours(chain, what) for chain in chains}
            candidates |= {name: calls[what] for name, calls in peers.items()}
            tables += [_row(what, row, candidates) for row in interleaved(candidates, rounds)]
    return tables


def _row(what: str, row: dict[str, Any], candidates: Any) -> dict[str, Any]:
    kept = ("first_s", "ms", "quartiles_ms", "fastest_ms", "ratio", "load")
    return {"name": f"{row['name']}, {what}", "times_real_time": 1e3 * COUNT * SECONDS / row["ms"]} | {
        k: row[k] for k in kept
    }


def _ours(chain: str, what: str) -> Callable[[], Any]:
    space = dl.Space(dl.parse(chain))
    notes = dl.note(57.0, SECONDS / 2.0, length_s=SECONDS)
    us = jnp.asarray(np.random.default_rng(0).uniform(size=(COUNT, space.size)), jnp.float32)

    def played(u: Any) -> Any:
        return space.chain.apply(space.decode(u), notes, dl.Context(SR))[0]

    one = played if what == "forwards" else jax.grad(lambda u: jnp.sum(played(u) ** 2))
    every = jax.jit(lambda us: jax.lax.map(one, us))
    return lambda: jax.block_until_ready(every(us))


def _synthax() -> dict[str, Calls]:
    from synthax.config import SynthConfig
    from synthax.synth import ParametricSynth, Voice

    peers = {}
    for cls in (Voice, ParametricSynth):
        synth = cls(config=SynthConfig(batch_size=COUNT, sample_rate=SR, buffer_size_seconds=SECONDS))
        settings = jax.jit(synth.init)(jax.random.PRNGKey(0))
        play = jax.jit(synth.apply)
        slope = jax.jit(jax.grad(lambda settings, synth=synth: jnp.sum(synth.apply(settings) ** 2)))
        peers[f"SynthAX {cls.__name__}"] = {
            "forwards": lambda play=play, p=settings: jax.block_until_ready(play(p)),
            "gradient": lambda slope=slope, p=settings: jax.block_until_ready(slope(p)),
        }
    return peers


def _torch() -> dict[str, Calls]:
    """One voice after the other: side by side their phases and levels would take 3 GB each."""
    import torch

    samples, rng = int(SECONDS * SR), np.random.default_rng(0)
    number = torch.arange(1, HARMONICS + 1)
    f0_hz = torch.tensor(110.0 * 2.0 ** rng.uniform(0.0, 1.0, (COUNT, samples // HOP)).astype(np.float32))
    levels = torch.tensor(rng.uniform(0.0, 1.0 / HARMONICS, (COUNT, samples // HOP, HARMONICS)).astype(np.float32))

    def at_samples(frames: Any) -> Any:
        return torch.nn.functional.interpolate(frames.T[None], samples, mode="linear", align_corners=True)[0].T

    def bank(f0_hz: Any, levels: Any) -> Any:
        hz = at_samples(f0_hz[:, None])
        heard = at_samples(levels * (f0_hz[:, None] * number < 0.5 * SR))
        return torch.sum(heard * torch.sin(torch.cumsum(2.0 * torch.pi / SR * hz, 0) * number), 1)

    def forwards() -> None:
        torch.set_num_threads(os.cpu_count() or 1)
        with torch.no_grad():
            for f, a in zip(f0_hz, levels, strict=True):
                bank(f, a)

    def gradient() -> None:
        torch.set_num_threads(os.cpu_count() or 1)
        for f, a in zip(f0_hz, levels, strict=True):
            both = f.requires_grad_(), a.requires_grad_()
            torch.autograd.grad(bank(*both).square().sum(), both)

    return {"a bank of sines in torch": {"forwards": forwards, "gradient": gradient}}
