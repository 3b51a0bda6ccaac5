"""Timbre transfer: what one recording plays, in the sound of another."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from ._errors import ExpressionError
from ._learn import learn
from ._patch import patch
from ._played import levelled, middle_pitch, octaves_between, play
from ._preset import Preset
from ._render import as_audio, check_rate
from ._result import FitResult
from ._run import RunFolder
from ._saved import keep
from ._score import rounded
from ._source import digest
from ._timbre import Timbre
from .audio import loudness, mixdown
from .dsp.f0 import track_f0
from .dsp.loudness_track import track_loudness
from .dsp.transcribe import transcribe
from .dsp.voice_frames import VoiceFrames, analyse
from .dsp.voice_scores import alike, in_tune, spectrum_distance_db
from .report import write_report

FARTHEST = 4.0  # octaves
SURE = 0.5  # of the confidence in the pitches of a recording


@dataclass(frozen=True)
class TransferResult(FitResult):
    """The source's line in another sound.

    `audio`, in the layout of the source and at `sr` Hz, is as loud as the source, moment by moment. `timbre` plays
    other sources without being learned again, None where a patch was asked for; `preset` is such a patch, which
    plays notes. `sounds` has the source as `dry`, the timbre's recording as `reference` and the result as `fit`.
    `metrics` are the figures of `metrics.json`: `f0_within_10_cents`, the share of the source's voiced frames in
    which the result has the shifted pitch; `loudness_correlation` of the two level curves; `spectrum_distance_db`
    of the result from the timbre's recording, in thirds of an octave, and that of the source; the confidence in the
    pitches of both; `shift_octaves`. `notes` are codes and texts.
    """

    timbre: Timbre | None = field(kw_only=True, repr=False)
    audio: np.ndarray = field(kw_only=True, repr=False)


class _Heard(NamedTuple):
    x: np.ndarray
    frames: VoiceFrames
    confidence: float
    notes: list[tuple[str, str]]


def transfer(
    source: Any,
    timbre: Any,
    sr: int,
    *,
    decoder: Literal["network", "patch"] = "network",
    shift: float | None = None,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    report: bool = True,
) -> TransferResult:
    """Play the line of one recording with the sound of another.

    Both are `(samples,)` or `(channels, samples)` at `sr` Hz, one voice or instrument each, a few seconds or more;
    `timbre` may be a `Timbre` that was learned before. Pitch and loudness of the source drive harmonics and noise that
    a small network has learned from the other recording or, with `decoder="patch"`, one patch of
    `harmonic_plus_noise`. The line moves by `shift` octaves; by None, the fewest whole ones that bring the medians of
    the pitches within nine semitones. Pitches and levels are mapped onto those the timbre was heard at, quantile by
    quantile, before they ask for its sound; the result has the levels of the source. Where the source has no pitch,
    noise of the timbre sounds, and little of it where there is nothing but the source's own.

    The same seed gives the same answer. Raises `DdspLabError`: `hear-silence`, `hear-pitchless`, `bad-setting`, and as
    `fit` does for audio and folders. Several tones at once are followed where the pitch seems to be, which
    `hear-unsure` says.

    Reference: Engel, Hantrakul, Gu, Roberts, "DDSP: differentiable digital signal processing", ICLR, 2020; here the
    network learns the levels that are read off the recording, in decibels, in place of a loss on spectra.
    """
    began, sr = time.perf_counter(), check_rate(sr)
    x, model = as_audio(source, "the source"), None if isinstance(timbre, Timbre) else as_audio(timbre, "the timbre")
    _check(decoder, shift)
    config = {
        "transfer": decoder,
        "recordings": [digest(x), timbre.digest if model is None else digest(model)],
        "shift": shift,
        "seed": seed,
        "sample_rate": sr,
    }
    with RunFolder(folder, config, fresh) if folder is not None else nullcontext() as run:
        line, other = _heard(x, sr, "the source"), None if model is None else _heard(model, sr, "the timbre")
        learned, pitch = (timbre, timbre.pitch) if other is None else _learned(other, decoder, seed)
        preset = learned.patch if isinstance(learned, Timbre) else learned
        network = learned if isinstance(learned, Timbre) and decoder == "network" else None
        octaves = octaves_between(middle_pitch(line.frames, "the source"), pitch) if shift is None else float(shift)
        y = levelled(play(line.frames, network or preset, octaves, seed), line.frames).astype(np.float32)
        figures = {
            **_figures(line, other, y, octaves),
            "decoder": decoder,
            "decoder_error": network.facts.learned.get("loss") if network is not None else None,
            "seed": seed,
            "seconds": time.perf_counter() - began,
        }
        result = TransferResult(
            preset,
            rounded(figures),
            (),
            (*line.notes, *(other.notes if other is not None else ())),
            {"dry": x, "fit": y[None], **({} if model is None else {"reference": model})},
            sr,
            timbre=network,
            audio=y[None] if np.ndim(source) == 2 else y,
        )
        if run is not None:
            run.save_preset(result.preset)
            if network is not None:
                network.save(run.path)
            result = keep(run, result)
    if run is not None and report:
        write_report(run.path)
    return result


def _check(decoder: str, shift: float | None) -> None:
    if decoder not in ("network", "patch"):
        raise ExpressionError("bad-setting", f"decoder={decoder!r}.", "Say network or patch.")
    if shift is not None and not abs(shift) <= FARTHEST:
        raise ExpressionError("bad-setting", f"shift={shift!r} octaves.", f"Give -{FARTHEST:g} to {FARTHEST:g}.")


def _learned(model: _Heard, decoder: str, seed: int) -> tuple[Timbre | Preset, float]:
    """The sound of a recording, and the median of its pitch."""
    sound = learn(model.frames, seed) if decoder == "network" else patch(model.frames)
    return sound, middle_pitch(model.frames, "the timbre")


def _heard(audio: np.ndarray, sr: int, what: str) -> _Heard:
    """A recording, how sure its pitches are, and what is to be said of it; raises `AudioError`."""
    x, said = mixdown(audio, 1)[0].astype(np.float64), []
    if audio.shape[0] > 1:
        said.append(("audio-mixed", f"{what}: {audio.shape[0]} channels were mixed down to one."))
    notes = transcribe(x, sr)
    confidence = float(np.average(notes.confidence, weights=notes.duration_s * np.square(notes.velocity)))
    if confidence < SURE:
        text = f"{what} hardly sounds like one voice: {confidence:.2f} of 1. What is followed may not be its pitch."
        said.append(("hear-unsure", text))
    return _Heard(x, analyse(x, sr), confidence, said)


def _figures(line: _Heard, other: _Heard | None, y: np.ndarray, octaves: float) -> dict[str, Any]:
    sr = line.frames.sr
    return {
        "f0_within_10_cents": in_tune(track_f0(y, sr), line.frames.f0, 2.0**octaves),
        "loudness_correlation": alike(track_loudness(y, sr), line.frames.loudness_db),
        "spectrum_distance_db": None if other is None else spectrum_distance_db(y, other.x, sr),
        "spectrum_distance_source_db": None if other is None else spectrum_distance_db(line.x, other.x, sr),
        "shift_octaves": octaves,
        "confidence_source": line.confidence,
        "confidence_timbre": None if other is None else other.confidence,
        "lufs_source": loudness(line.x, sr),
        "lufs_fit": loudness(y, sr),
    }
