"""How a timbre is learned: a regression, in dB, on the harmonics and the noise of one recording's frames."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec.structs import replace

from ._patch import patch
from ._programs import jit
from ._timbre import BODY, BODY_HZ, NUMBERED, Facts, Timbre, inputs, network, outputs
from .dsp.fir import hats
from .dsp.midi_pitch import midi
from .dsp.voice_frames import NOISE_HOPS, VoiceFrames, telling

QUANTILES = (10.0, 25.0, 40.0, 50.0, 65.0, 80.0, 98.0)  # percent: what is fainter than most is a note that dies away
MOST = 1000  # frames
HARMONICS = 160
FLOOR_DB = -100.0  # of a level
STEPS, RATE = 600, 0.01
STRAIGHT, SHARED = 0.05, 0.05  # how dear bends of the body are, and what harmonics have beside it
ERROR_DB = 6.0  # from which an error counts in proportion, below it by its square
COUNTS_DB, COUNTS = 40.0, 80.0  # a harmonic counts 10^(dB/80) over this range, which ends 20 dB below the loudness
TOP = 0.45  # of the sample rate


def quantiles(values: np.ndarray) -> list[float]:
    return np.percentile(values, QUANTILES).round(4).tolist()


class Lesson(NamedTuple):
    """Frames of a recording: pitch and level in, levels in dB beside the loudness out, and how much each counts."""

    given: Float[Array, "n 2"]
    share: Float[Array, "n k e"]
    tone_db: Float[Array, "n k"]
    counts: Float[Array, "n k"]
    noise_db: Float[Array, "n b"]


def lesson(frames: VoiceFrames) -> tuple[Facts, Lesson]:
    """What is learned from a recording; raises `AudioError` (`hear-pitchless`)."""
    told = np.flatnonzero(telling(frames, "the timbre's recording"))
    told = told[:: -(-told.size // MOST)]
    f0_hz, loudness = frames.f0_hz[told], frames.loudness_db[told]
    pitch, harmonics = midi(f0_hz), frames.harmonics
    hz = f0_hz[:, None] * np.arange(1, min(harmonics.amplitude.shape[1], HARMONICS) + 1)
    tone_db = np.maximum(20.0 * np.log10(harmonics.level[told, : hz.shape[1]] + 1e-9), FLOOR_DB) - loudness[:, None]
    kept = np.sqrt(1.0 - np.minimum(harmonics.absorbed[told], 0.6))  # of the noise, the harmonics hold the rest
    noise = frames.noise[np.minimum(told // NOISE_HOPS, len(frames.noise) - 1)] / kept[:, None]
    noise_db = np.maximum(20.0 * np.log10(noise + 1e-9), FLOOR_DB) - loudness[:, None]
    counts = (hz < TOP * frames.sr) * 10.0 ** (np.clip(tone_db + 20.0, -COUNTS_DB, 0.0) / COUNTS)
    usual = [np.full(BODY, np.median(tone_db[:, :5])), np.zeros(NUMBERED), np.median(noise_db, axis=0)]
    facts = Facts(frames.sr, quantiles(pitch), quantiles(loudness), np.concatenate(usual).round(3).tolist())
    share = hats(hz.reshape(-1), BODY_HZ, 4.0 * BODY_HZ[-1]).T.reshape(*hz.shape, -1)
    parts = inputs(facts, pitch, loudness), share, tone_db, counts / counts.mean(), noise_db
    return facts, Lesson(*(jnp.asarray(v, jnp.float32) for v in parts))


def error(weights: Any, usual_db: Float[Array, " o"], told: Lesson) -> Float[Array, ""]:
    """Mean errors of harmonics and noise, and how far the body bends and single harmonics leave it."""
    body, own, noise = outputs(weights, usual_db, told.given)
    count = min(NUMBERED, told.tone_db.shape[1])
    tone = jnp.einsum("fke,fe->fk", told.share, body).at[:, :count].add(own[:, :count])

    def off(db: Array) -> Array:
        return jnp.sqrt(1.0 + jnp.square(db / ERROR_DB)) - 1.0

    bends, alone = (jnp.mean(jnp.square(v / ERROR_DB)) for v in (jnp.diff(body, n=2), own))
    fits = jnp.mean(told.counts * off(tone - told.tone_db)) + jnp.mean(off(noise - told.noise_db))
    return fits + STRAIGHT * bends + SHARED * alone


@jit(static_argnames="steps")
def _descended(weights: Any, usual_db: Float[Array, " o"], told: Lesson, steps: int) -> tuple[Any, Float[Array, ""]]:
    import optax

    way = optax.adam(optax.cosine_decay_schedule(RATE, steps))

    def step(state: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], Array]:
        now, memory = state
        loss, slope = jax.value_and_grad(error)(now, usual_db, told)
        change, memory = way.update(slope, memory)
        return (optax.apply_updates(now, change), memory), loss

    (weights, _), losses = jax.lax.scan(step, (weights, way.init(weights)), None, length=steps)
    return weights, losses[-1]


def learn(frames: VoiceFrames, seed: int = 0, steps: int = STEPS) -> Timbre:
    """The timbre of a recording; raises `AudioError` (`hear-pitchless`) where too little of it has a pitch."""
    facts, told = lesson(frames)
    usual_db = jnp.asarray(facts.usual_db, jnp.float32)
    start = network(len(facts.usual_db)).init(jax.random.key(seed), told.given[:1])
    start["params"]["layers_4"]["kernel"] *= 0.03  # it begins near what is usual
    weights, loss = _descended(start, usual_db, told, steps)
    learned = {"seed": seed, "steps": steps, "frames": len(told.given), "loss": round(float(loss), 6)}
    return Timbre(replace(facts, learned=learned), jax.tree.map(np.asarray, weights), patch(frames))
