"""Some points of a front as sounds, to be listened to side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ._preset import Preset
from ._render import render
from ._result import Candidate
from ._source import Source, samples

MOST, FEWEST = 8, 3  # more sounds than that nobody keeps apart
RENDERED_S = 120.0  # of audio in all, unless even the fewest are longer


def candidates(front: Sequence[tuple[Preset, Mapping[str, float]]], dry: Source, sr: int) -> tuple[Candidate, ...]:
    """Points evenly along the front, its ends among them, through their chains."""
    length_s = samples(dry, sr) / sr
    count = min(len(front), max(FEWEST, min(MOST, int(RENDERED_S / length_s))))
    chosen = np.unique(np.linspace(0, len(front) - 1, count).round().astype(int)).tolist()
    return tuple(
        Candidate(f"front {i + 1}", np.atleast_2d(render(preset.block, preset.values, dry, sr)), costs)
        for i, (preset, costs) in ((i, front[i]) for i in chosen)
    )
