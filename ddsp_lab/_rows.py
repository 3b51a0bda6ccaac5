"""Long rows of numbers in presets: recordings, impulse responses, tables."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._block import Block

LONG, PACKED = 256, "float32:"  # numbers from which a row is packed, and what then stands before it


def shortest(value: np.ndarray) -> Any:
    """A float32, or a row of them, as the shortest numbers that read back as the same."""
    return [float(str(v)) for v in value] if value.ndim else float(str(value[()]))


def without_rows(block: Any) -> Any:
    """A chain without the rows among its start values, which are values of the preset anyway."""
    if isinstance(block, tuple):
        return tuple(without_rows(part) for part in block)
    if not isinstance(block, Block):
        return block
    parts = {f.name: without_rows(getattr(block, f.name)) for f in dataclasses.fields(block) if f.init}
    return dataclasses.replace(block, **parts | {"start": tuple((k, v) for k, v in block.start if not np.ndim(v))})


def packed(tree: Any) -> Any:
    """Values with a text in the place of every long row."""
    if isinstance(tree, Mapping):
        return {k: packed(v) for k, v in tree.items()}
    if isinstance(tree, list) and len(tree) >= LONG and all(isinstance(v, float) and math.isfinite(v) for v in tree):
        return PACKED + base64.b64encode(np.asarray(tree, "<f4").tobytes()).decode()
    return tree


def unpacked(tree: Any) -> Any:
    """The inverse; raises `ValueError` for what is no packed row."""
    if isinstance(tree, dict):
        return {k: unpacked(v) for k, v in tree.items()}
    if not (isinstance(tree, str) and tree.startswith(PACKED)):
        return tree
    row = np.frombuffer(base64.b64decode(tree.removeprefix(PACKED), validate=True), "<f4")
    if not np.isfinite(row).all():
        raise ValueError("a packed row holds what is no number")
    return shortest(row)
