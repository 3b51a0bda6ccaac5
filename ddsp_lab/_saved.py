"""What a run folder holds beside the figures, and a finished run read back from it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeVar

import numpy as np

from . import audio
from ._errors import DdspLabError, RunError
from ._expression import LABEL
from ._files import write_whole
from ._midi import read_midi
from ._preset import Preset
from ._result import Candidate, FitResult
from ._run import FRONT, METRICS, NOTES, PRESET, STORY, RunFolder, candidate_file, sound_file

Result = TypeVar("Result", bound=FitResult)


def keep(run: RunFolder, result: Result) -> Result:
    """Write all of a result but its preset into a run folder; returns it, with a note where the fit did not fit into
    its file."""
    gains_db = run.save_sounds(result.sounds, result.sr)
    if turned_down := gains_db.get("fit"):
        note = ("audio-clips", f"fit.flac had to be turned down by {-turned_down:.2f} dB to fit its format.")
        result = replace(result, notes=(*result.notes, note))
    if result.front:
        run.save_front(result.front)
    run.save_candidates((c.sound for c in result.candidates), result.sr)
    run.save_story(_story(result, gains_db))
    run.save_metrics(result.metrics)
    return result


def _story(result: FitResult, gains_db: Mapping[str, float]) -> dict[str, Any]:
    """What `report.json` says: how the loss went, what was resolved, what matters, and by how much the sounds had to
    be turned down to fit into their files."""
    return {
        "history": [list(point) for point in result.history],
        "terms": {name: [list(point) for point in points] for name, points in result.terms.items()},
        "notes": [list(note) for note in result.notes],
        "sensitivity": {k: v if isfinite(v) else None for k, v in result.sensitivity.items()},
        "sounds": dict(gains_db),
        "candidates": [{"name": c.name, "figures": dict(c.figures)} for c in result.candidates],
    }


def amend(folder: str | os.PathLike[str], **more: Any) -> None:
    """Say more in the `report.json` of a finished run, such as the `command` that made it."""
    path = Path(folder) / STORY
    data = json.dumps(_json(path) | more, indent=1, allow_nan=False) + "\n"
    try:
        write_whole(path, data.encode())
    except OSError as error:
        raise RunError.unwritable(path, error) from None


def told(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What `report.json` says."""
    return _json(Path(folder) / STORY)


def saved(folder: str | os.PathLike[str]) -> FitResult:
    """A finished run as it was handed back, read from its folder; a `MatchResult` where there is a `notes.mid`.

    Raises `RunError` (`run-unfinished`) where files are missing or damaged.
    """
    folder = Path(folder)
    said, metrics = told(folder), _json(folder / METRICS)
    try:
        preset = Preset.load(folder / PRESET)
        sr, sounds = preset.sample_rate, {}
        for name, gain_db in said["sounds"].items():
            if not LABEL.fullmatch(name):
                raise ValueError(f"{short(name)} is no name of a sound")
            sounds[name] = _heard(folder / sound_file(name), sr) * np.float32(10.0 ** (-gain_db / 20.0))
        points = json.loads((folder / FRONT).read_bytes()) if (folder / FRONT).exists() else []
        front = tuple((Preset(preset.chain, p["values"], sr), p["objectives"]) for p in points)
        candidates = tuple(
            Candidate(c["name"], _heard(folder / candidate_file(i), sr), c["figures"])
            for i, c in enumerate(said["candidates"])
        )
        parts = {
            "preset": preset,
            "metrics": metrics,
            "history": tuple((int(n), float(loss)) for n, loss in said["history"]),
            "notes": tuple((str(code), str(text)) for code, text in said["notes"]),
            "sounds": sounds,
            "sr": sr,
            "front": front,
            "terms": {k: tuple((int(n), float(v)) for n, v in points) for k, points in said["terms"].items()},
            "sensitivity": {k: np.inf if v is None else float(v) for k, v in said["sensitivity"].items()},
            "candidates": candidates,
        }
        if "confidence" not in said:
            return FitResult(**parts)
        from ._matched import MatchResult

        played = read_midi(folder / NOTES, sounds["reference"].shape[1] / sr)
        return MatchResult(**parts, played=played, confidence=tuple(map(float, said["confidence"])))
    except (KeyError, TypeError, ValueError, AttributeError, OSError, DdspLabError) as error:
        raise _unfinished(folder, str(error) if isinstance(error, DdspLabError) else repr(error)) from None


def _heard(path: Path, sr: int) -> np.ndarray:
    sound = audio.load(path)
    if sound.sr != sr:
        raise ValueError(f"{path.name} is at {sound.sr} Hz, the preset at {sr} Hz")
    return sound.samples


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unfinished(path.parent, f"{path.name}: {getattr(error, 'strerror', None) or error}") from None
    if not isinstance(data, dict):
        raise _unfinished(path.parent, f"{path.name} holds no object")
    return data


def _unfinished(folder: Path, why: str) -> RunError:
    return RunError(
        "run-unfinished",
        f"{folder} holds no finished run: {why.rstrip('.')}.",
        "Name the folder of a finished run, or give the command that made it again: it goes on where it stopped.",
    )
