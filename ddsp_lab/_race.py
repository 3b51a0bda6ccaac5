"""What a race between families of synths has chosen, kept in the run folder so that it is run once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from . import __version__
from ._errors import RunError
from ._files import write_whole

RACE = "race.json"


class Race(NamedTuple):
    """The winner as text, its values so far, and what is to be said of it."""

    chain: str
    values: dict[str, Any]
    said: str


def kept_race(
    race: Callable[[], Race], folder: str | os.PathLike[str] | None, fresh: bool, of: tuple[Any, ...]
) -> Race:
    """The race of the folder if it was run for the same `of`; else it is run, and kept there."""
    if folder is None:
        return race()
    path, key = Path(folder) / RACE, _digest(of)
    try:
        kept = {} if fresh else json.loads(path.read_text(encoding="utf-8"))
        if kept.get("of") == key:
            return Race(kept["chain"], kept["values"], kept["said"])
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        pass  # it is run again
    won = race()
    won = won._replace(values=jax.tree.map(lambda v: np.asarray(v).tolist(), won.values))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps({"of": key, **won._asdict()}, indent=2) + "\n").encode())
    except OSError as error:
        raise RunError.unwritable(path, error) from None
    return won


def _digest(of: tuple[Any, ...]) -> str:
    known = hashlib.sha256(f"{__version__} {jax.__version__}".encode())
    for leaf in jax.tree.leaves(of):
        known.update(np.ascontiguousarray(leaf).tobytes() if isinstance(leaf, np.ndarray) else repr(leaf).encode())
    return known.hexdigest()[:16]
