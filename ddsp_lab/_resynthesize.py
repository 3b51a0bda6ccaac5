"""A recording taken apart into pitch, harmonics and noise, and put together again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from ._render import as_audio, check_rate
from ._score import rounded
from ._target import distance_between
from .audio import mixdown
from .dsp.f0 import F0Track, track_f0
from .dsp.loudness_track import track_loudness
from .dsp.scene import SILENT_DB
from .dsp.voice_balance import quieter
from .dsp.voice_frames import NOISE_HOPS, VoiceFrames, analyse, played
from .dsp.voice_scores import in_tune
from .targets.multi_resolution_stft import MultiResolutionStft

QUIET_DB = 50.0  # below the loudest frame: levels are not compared there
SURE = 0.5  # of the confidence in a pitch
TURNS, ENOUGH = 3, 0.98  # how often the noise is weighed again, and the share of a voice's frames that are in tune then


@dataclass(frozen=True)
class Resynthesis:
    """A recording as harmonics along its pitch and noise in bands.

    `audio`, in the layout of what was given and at `sr` Hz, is `tone` and `breath` together. `f0` has pitch, voicing
    and confidence every 5 ms, `loudness_db` the A-weighted level of the recording in the same frames, `frames` the
    levels that were played. `metrics` says how near it came: `f0_within_10_cents`, of the frames in which the recording
    is voiced, `loudness_error_db`, the mean where it is less than 50 dB below its loudest, `mrstft`, and `confidence`
    in the pitch, the median over voiced frames, 0 without any. `notes` are codes and texts.
    """

    audio: np.ndarray = field(repr=False)
    tone: np.ndarray = field(repr=False)
    breath: np.ndarray = field(repr=False)
    sr: int
    f0: F0Track = field(repr=False)
    loudness_db: np.ndarray = field(repr=False)
    frames: VoiceFrames = field(repr=False)
    metrics: Mapping[str, Any]
    notes: tuple[tuple[str, str], ...]


def resynthesize(audio: Any, sr: int, *, seed: int = 0) -> Resynthesis:
    r"""A recording of one voice or instrument, put together again from what was read off it.

    `audio` is `(samples,)` or `(channels, samples)` at `sr` Hz; channels are mixed down. Its pitch is followed; at it
    the amplitude and phase of every harmonic are read, every 5 ms; what they leave is noise, whose levels are read in
    64 bands every 10 ms and which is drawn anew, by `seed`; where it would hide a pitch that is heard in the recording,
    less of it is played. A recording without pitch becomes all noise, and says so; one of several voices follows the
    one that is heard, with a `confidence` that is low.

    Raises `AudioError` for what is no audio. Reference: as in `ddsp_lab.dsp.harmonic_levels.read_harmonics`.
    """
    given, sr = as_audio(audio), check_rate(sr)
    x, said = mixdown(given, 1)[0].astype(np.float64), []
    if given.shape[0] > 1:
        said.append(("audio-mixed", f"{given.shape[0]} channels were mixed down to one."))
    frames, tone, breath, heard = _played(analyse(x, sr), jax.random.key(seed))
    confidence = float(np.median(frames.f0.confidence[frames.voiced])) if frames.voiced.any() else 0.0
    if confidence < SURE:
        said.append(("hear-unsure", "Nothing in the recording has a sure pitch: nearly all of it is played as noise."))
    y = (tone + breath).astype(np.float32)
    loud = frames.loudness_db > max(frames.loudness_db.max() - QUIET_DB, SILENT_DB)
    off_db = np.abs(track_loudness(y, sr) - frames.loudness_db)[loud]
    metrics = {
        "f0_within_10_cents": in_tune(heard, frames.f0),
        "loudness_error_db": float(np.mean(off_db)) if loud.any() else 0.0,
        "mrstft": float(distance_between(MultiResolutionStft(), sr, x[None].astype(np.float32), y[None])),
        "confidence": confidence,
    }
    whole, tone, breath = ((v[None] if np.ndim(audio) == 2 else v).astype(np.float32) for v in (y, tone, breath))
    metrics = rounded(metrics)
    return Resynthesis(whole, tone, breath, sr, frames.f0, frames.loudness_db, frames, metrics, tuple(said))


def _played(frames: VoiceFrames, key: Array) -> tuple[VoiceFrames, np.ndarray, np.ndarray, F0Track]:
    """The voice with no more noise over it than leaves its pitch heard, its two parts, and the pitch of their sum."""
    amplitude = frames.harmonics.amplitude * frames.sounding[:, None]

    def play(frames: VoiceFrames) -> tuple[VoiceFrames, np.ndarray, np.ndarray, F0Track]:
        tone, breath = played(amplitude, frames.harmonics.turns, frames.noise, frames.sr, frames.hop, key)
        return frames, tone, breath, track_f0(tone + breath, frames.sr)

    best = last = play(frames)
    for _ in range(TURNS):
        if in_tune(best[-1], frames.f0) > ENOUGH:
            break
        at = np.minimum(NOISE_HOPS * np.arange(len(frames.noise)), len(frames.f0_hz) - 1)
        last = play(replace(frames, noise=last[0].noise * quieter(frames.f0, last[-1])[at, None]))
        best = max(best, last, key=lambda way: in_tune(way[-1], frames.f0))
    return best
