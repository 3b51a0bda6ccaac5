"""A recording's pitch and loudness, played with a timbre."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float
from scipy.ndimage import gaussian_filter1d

from ._learn import quantiles
from ._notes import notes
from ._preset import Preset
from ._render import render
from ._timbre import Timbre
from .dsp.harmonic_levels import HIGHEST, MOST, pitch_turns
from .dsp.loudness_track import track_loudness
from .dsp.midi_pitch import midi
from .dsp.voice_frames import NOISE_HOPS, VoiceFrames, played, telling

NEAR = 0.75  # octaves between two medians that need no shift
SLOPE = 3.0  # by which pitches and levels are spread further, at most, when they are mapped onto the timbre's
SOFT = 2.0  # frames in which a voice comes and goes
GATE_DB = 60.0  # below the loudest frame
OVER_DB, SURELY_DB = 6.0, 20.0  # over the faintest frames, but below the loudest: what has no pitch there is noise
ROUNDS, FARTHEST_DB = 3, 40.0  # of setting the level, and by how much in each


def middle_pitch(frames: VoiceFrames, what: str) -> float:
    """The median of its pitch, a MIDI number; raises `AudioError` (`hear-pitchless`)."""
    return float(np.median(midi(frames.f0_hz[telling(frames, what)])))


def octaves_between(own: float, wanted: float) -> float:
    """The fewest octaves by which a median pitch comes near another's, both MIDI numbers."""
    apart = (wanted - own) / 12.0
    return float(np.sign(apart) * np.ceil(max(abs(apart) - NEAR, 0.0))) + 0.0  # no minus zero


def mapped(values: np.ndarray, own: list[float], wanted: list[float]) -> np.ndarray:
    """Values with the quantiles `own` as if they had the quantiles `wanted`, spread no further than `SLOPE` times."""
    rising = np.asarray(own) + 1e-6 * np.arange(len(own))
    middle = len(own) // 2
    moved = np.interp(values, rising, wanted) - wanted[middle]
    return wanted[middle] + np.clip(moved, *(s * SLOPE * np.abs(values - own[middle]) for s in (-1.0, 1.0)))


def coming(frames: VoiceFrames) -> Float[np.ndarray, " n"]:
    """From 0 to 1 where the voice comes, and back where it goes."""
    return gaussian_filter1d(frames.sounding.astype(float), SOFT)


def play(frames: VoiceFrames, voice: Timbre | Preset, octaves: float, seed: int) -> Float[np.ndarray, " t"]:
    """The line of a recording, moved by some octaves; raises `AudioError` (`hear-pitchless`)."""
    if isinstance(voice, Timbre):
        return by_network(frames, voice, octaves, jax.random.key(seed))
    return by_patch(frames, voice, octaves)


def by_network(frames: VoiceFrames, timbre: Timbre, octaves: float, key: Array) -> Float[np.ndarray, " t"]:
    """The line with harmonics and noise as the timbre has them at such pitches and levels."""
    told = telling(frames, "the source")
    facts, loudness, pitch = timbre.facts, frames.loudness_db, midi(frames.f0_hz)
    level = 10.0 ** (loudness / 20.0)[:, None]
    f0_hz = frames.f0_hz * 2.0**octaves
    count = int(np.clip(HIGHEST * frames.sr / f0_hz.min(), 1, MOST))
    tone, noise = timbre.levels(
        mapped(pitch, quantiles(pitch[told]), facts.pitch),
        mapped(loudness, quantiles(loudness[told]), facts.loudness_db),
        f0_hz,
        count,
        frames.sr,
    )
    heard = f0_hz[:, None] * np.arange(1, count + 1) < HIGHEST * frames.sr
    turns = pitch_turns(f0_hz, frames.hop, len(frames.harmonics.turns), frames.sr)
    amplitude = -1j * level * tone * heard * coming(frames)[:, None]
    hiss = (level * noise)[::NOISE_HOPS]
    hiss = np.pad(hiss, ((0, len(frames.noise) - len(hiss)), (0, 0)), mode="edge")
    sound, breath = played(amplitude, turns, hiss, frames.sr, frames.hop, key)
    return sound + breath


def by_patch(frames: VoiceFrames, preset: Preset, octaves: float) -> Float[np.ndarray, " t"]:
    """The line as one long note of a patch, whose pitch, noise and level follow curves."""
    samples, sr = len(frames.harmonics.turns), frames.sr
    at, frame_at = np.arange(samples), frames.hop * np.arange(len(frames.f0_hz))
    pitch = midi(frames.f0_hz) + 12.0 * octaves
    middle = middle_pitch(frames, "the source") + 12.0 * octaves
    louder = np.clip(frames.loudness_db - frames.loudness_db.max(), -48.0, 0.0)
    noise = 1.0 - (1.0 - preset.values["noise"]) * coming(frames)
    follow = {"tune_st": np.clip(pitch - middle, -24.0, 24.0), "level_db": louder, "noise": np.clip(noise, 0.0, 1.0)}
    curves: dict[str, Any] = {k: np.interp(at, frame_at, v) for k, v in follow.items()}
    one = notes([(0.0, samples / sr, middle, 1.0)], samples / sr)
    return np.asarray(render(preset.block, preset.values | curves, one, sr)[0], np.float64)


def wanted_db(frames: VoiceFrames) -> Float[np.ndarray, " n"]:
    """The level of the line: its own but, two decibels for one, below a gate, which is low while a voice sounds, and
    over the noise of the recording where none does."""
    level = frames.loudness_db
    loudest = float(level.max())
    noise = min(float(np.percentile(level, 5.0)) + OVER_DB, loudest - SURELY_DB)
    low = loudest - GATE_DB
    gate = np.where(frames.sounding, low, max(noise, low))
    return level - np.maximum(gate - level, 0.0)


def levelled(y: Float[np.ndarray, " t"], frames: VoiceFrames) -> Float[np.ndarray, " t"]:
    """As loud as the line is, moment by moment."""
    wanted, gain_db = wanted_db(frames), np.zeros(len(frames.f0_hz))
    at = np.arange(y.size) / frames.hop
    louder = y
    for _ in range(ROUNDS):
        off = np.clip(wanted - track_loudness(louder, frames.sr), -FARTHEST_DB, FARTHEST_DB)
        gain_db += gaussian_filter1d(off, 1.0)
        louder = y * 10.0 ** (np.interp(at, np.arange(gain_db.size), gain_db) / 20.0)
    return louder
