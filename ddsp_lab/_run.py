"""The run folder of a fit: what was asked, every answer on the way, and what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import audio
from ._errors import RunError
from ._files import write_whole
from ._journal import Journal
from ._preset import Preset

CONFIG, JOURNAL, PRESET, METRICS, FRONT = "config.json", "journal.jsonl", "preset.json", "metrics.json", "front.json"
STORY, REPORT, NOTES = "report.json", "report.html", "notes.mid"
FIT, LISTEN = "fit.flac", "listen"
TIMBRE, WEIGHTS = "timbre.json", "timbre.safetensors"
RESULTS = (CONFIG, PRESET, METRICS, FRONT, STORY, REPORT, NOTES, FIT, TIMBRE, WEIGHTS)


def sound_file(name: str) -> str:
    """The file of one of the sounds of a result."""
    return FIT if name == "fit" else f"{LISTEN}/{name}.flac"


def candidate_file(i: int) -> str:
    """The file of the `i`-th sound of a front."""
    return f"{LISTEN}/front_{i + 1:02d}.flac"


class RunFolder:
    """`config.json`, `journal.jsonl`, `preset.json`, `fit.flac`, `metrics.json`; beside these, what `report.html` is
    made of: `report.json` and, as they were fitted, the sounds of the first pair in `listen/`.

    Opened with the configuration it was begun with, it goes on; with another, it raises `RunError` (`run-changed`)
    unless `fresh`, which starts anew. Files appear whole or not at all. `front.json` is there where a search had
    several objectives, and some of its points in `listen/`.
    """

    def __init__(self, path: str | os.PathLike[str], config: Mapping[str, Any], fresh: bool = False):
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.journal = Journal(self.path / JOURNAL)
        except OSError as error:
            raise RunError.unwritable(self.path, error) from None
        try:
            if fresh:
                self.journal.clear()
                for path in (*(self.path / name for name in RESULTS), *(self.path / LISTEN).glob("*")):
                    path.unlink(missing_ok=True)
            self._agree(dict(config))
        except BaseException as error:
            self.journal.close()
            if isinstance(error, OSError):
                raise RunError.unwritable(self.path, error) from None
            raise

    def _agree(self, config: dict[str, Any]) -> None:
        path = self.path / CONFIG
        if not path.exists():
            self.journal.clear()  # answers to nobody knows which question
            write_whole(path, (json.dumps(config, indent=2) + "\n").encode())
            return
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            before = {}
        if not isinstance(before, dict):
            before = {}
        changed = sorted(k for k in config.keys() | before.keys() if config.get(k) != before.get(k))
        if changed:
            key, others = changed[0], f" (and other {', '.join(changed[1:])})" if changed[1:] else ""
            raise RunError(
                "run-changed",
                f"{self.path} holds a fit with {key} = {before.get(key)!r}, not {config.get(key)!r}{others}.",
                "Name another folder, or give --fresh to begin again in this one.",
            )

    def save_preset(self, preset: Preset) -> Path:
        return self._write(PRESET, preset.text().encode())

    def rescued(self, error: RunError, best: Preset, loss: float) -> RunError:
        """The error, with where the best so far is: in its file or, where not even that can be written, in the text."""
        try:
            where = f"is in {self.save_preset(best)}"
        except RunError:
            where = f"is {json.dumps(json.loads(best.text()))}"
        rescued = RunError(error.code, f"{error.message} The best so far, of loss {loss:.3g}, {where}.", error.remedy)
        rescued.preset = best
        return rescued

    def save_state(self, link: str, state: bytes) -> Path:
        """What a plugin would save itself, for other hosts."""
        return self._write(f"{link}.state", state)

    def save_metrics(self, metrics: Mapping[str, Any]) -> Path:
        return self._write(METRICS, (json.dumps(metrics, indent=2, allow_nan=False) + "\n").encode())

    def save_front(self, front: Iterable[tuple[Preset, Mapping[str, float]]]) -> Path:
        points = [{"objectives": dict(objectives), "values": preset.values} for preset, objectives in front]
        return self._write(FRONT, (json.dumps(points, indent=2, allow_nan=False) + "\n").encode())

    def save_sounds(self, sounds: Mapping[str, np.ndarray], sr: int) -> dict[str, float]:
        """Write sounds; returns by how many dB each had to be turned down to fit into its file."""
        return {name: self._save_sound(sound_file(name), y, sr) for name, y in sounds.items()}

    def save_candidates(self, sounds: Iterable[np.ndarray], sr: int) -> None:
        for i, y in enumerate(sounds):
            self._save_sound(candidate_file(i), y, sr)

    def save_story(self, story: Mapping[str, Any]) -> Path:
        return self._write(STORY, (json.dumps(story, indent=1, allow_nan=False) + "\n").encode())

    def _save_sound(self, name: str, y: np.ndarray, sr: int) -> float:
        data, gain_db = audio.encode(y, sr, name, clip_mode="rescale")
        self._write(name, data)
        return gain_db

    def _write(self, name: str, data: bytes) -> Path:
        try:
            (self.path / name).parent.mkdir(exist_ok=True)
            write_whole(self.path / name, data)
        except OSError as error:
            raise RunError.unwritable(self.path / name, error) from None
        return self.path / name

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back, also where a notebook keeps the error and everything it refers to."""
        self.journal.close()
