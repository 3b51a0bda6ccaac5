"""What took long to measure of a block, kept on the disk until the library or this folder changes."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pictures import pictures
from shown import ROOT, SR, played, shown

import ddsp_lab as dl
from ddsp_lab import Block
from ddsp_lab.report._tracks import flac

CACHE = ROOT / "build" / "docs"


class Measured(NamedTuple):
    """A block at work: its text, operations a sample, figures as SVG, and by how many dB its sound was turned down to
    fit into `sound`, a FLAC file; `given` is another, of what it was given, "" where that was notes."""

    text: str
    ops: float
    figures: str
    turned_db: float
    sound: str
    given: str


def measured(cls: type[Block]) -> Measured:
    """What `cls` does, from the disk if it is there."""
    block = shown(cls)
    file = CACHE / f"{cls.name}-{hashlib.sha256(f'{block} {_sources()}'.encode()).hexdigest()[:16]}.json"
    if file.exists():
        return Measured(*json.loads(file.read_text()))
    for old in CACHE.glob(f"{cls.name}-*"):
        old.unlink()
    given = played(block)
    x = given if isinstance(given, np.ndarray) else None
    y = np.asarray(dl.render(block, {}, given, SR))
    figures = "\n".join(pictures(block, x, y))
    peak = max(1.0, float(np.abs(y).max()))
    sound = _kept(file.with_suffix(".flac"), y / peak)
    dry = "" if x is None else _kept(CACHE / f"given{x.shape[0]}.flac", x)
    found = Measured(str(block), dl.ops_per_sample(block), figures, 20.0 * np.log10(peak), sound, dry)
    file.write_text(json.dumps(found))
    return found


def _kept(path: Path, y: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(flac(y.astype(np.float32), SR))
    return str(path)


@cache
def _sources() -> str:
    """A sum over all that could change a page."""
    files = [*sorted((ROOT / "ddsp_lab").rglob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))]
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()
