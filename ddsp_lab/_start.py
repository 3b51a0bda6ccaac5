"""What precedes the search of a match, kept in the run folder so that it is found once: a family, and its wave."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from . import __version__
from ._block import Block, Values
from ._errors import RunError
from ._files import write_whole
from ._heard import Playing

START = "start.json"


class Start(NamedTuple):
    """A chain as text and the values it starts at; what it plays, how sure the pitches are, and what stays frozen; how
    it is searched, what is to be said by code, and the evaluations that it took to know."""

    chain: str
    values: dict[str, Any]
    rows: list[list[float]]
    sure: list[float]
    frozen: list[str]
    way: str
    said: list[list[str]]
    spent: int

    @classmethod
    def of(
        cls, chain: Block, values: Values, play: Playing, way: str, said: Iterable[tuple[str, str]], spent: int
    ) -> Start:
        plain = jax.tree.map(lambda v: np.asarray(v).tolist(), dict(values))
        told = play.line.rows(), np.asarray(play.sure).tolist(), list(play.frozen)
        return cls(str(chain), plain, *told, way, [list(both) for both in said], spent)


def kept_start(
    find: Callable[[], Start], folder: str | os.PathLike[str] | None, fresh: bool, of: tuple[Any, ...]
) -> Start:
    """The start of the folder if it was found for the same `of`; else it is found, and kept there."""
    if folder is None:
        return find()
    path, key = Path(folder) / START, _digest(of)
    try:
        kept = {} if fresh else json.loads(path.read_text(encoding="utf-8"))
        if kept.pop("of") == key:
            return Start(**kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # it is found again
    start = find()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps({"of": key, **start._asdict()}, indent=2) + "\n").encode())
    except OSError as error:
        raise RunError.unwritable(path, error) from None
    return start


def _digest(of: tuple[Any, ...]) -> str:
    known = hashlib.sha256(f"{__version__} {jax.__version__}".encode())
    for leaf in jax.tree.leaves(of):
        known.update(np.ascontiguousarray(leaf).tobytes() if isinstance(leaf, np.ndarray) else repr(leaf).encode())
    return known.hexdigest()[:16]
