"""Automation: parameters that follow a curve, one value a sample, while a chain plays.

A curve belongs to the recording: its value n is in force where sample n of the recording passes, wherever that is in
the chain. Behind links that are late the curve is late with them; before its first and after its last value it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._block import Block, Values, flatten, leaves
from ._errors import ParameterError
from ._param import Param


@dataclass(frozen=True)
class Curve:
    """A checked curve, and by how many samples the link it steers hears the recording late."""

    values: np.ndarray
    late: int

    def part(self, first: int, samples: int) -> np.ndarray:
        """What the link needs while the chain takes in the recording from sample `first` on."""
        at = np.arange(first, first + samples) - self.late
        return self.values[np.clip(at, 0, self.values.size - 1)]


def lateness(block: Block, sr: int, path: tuple[str, ...] = (), late: int = 0) -> Iterator[tuple[str, int]]:
    """By how many samples the sound is late where each parameter acts on it, by path."""
    arrivals = block.arrivals(sr)
    for param in block.params:
        yield ".".join((*path, param.name)), late + arrivals.get(param.name, 0)
    for name, child in block.children.items():
        yield from lateness(child, sr, (*path, name), late + arrivals.get(name, 0))


def is_curve(param: Param, value: Any) -> bool:
    try:
        return param.shape == () and np.ndim(value) == 1
    except ValueError:  # rows of different lengths; whoever checks numbers will say so
        return False


def curves(chain: Block, values: Mapping[str, Any], sr: int) -> tuple[dict[str, Any], dict[str, Curve]]:
    """Values by path: the numbers, unchecked, and the curves. Raises `ParameterError`."""
    numbers, params = flatten(values), {path: q for path, q, _ in leaves(chain)}
    late = dict(lateness(chain, sr))
    found = {k: v for k, v in numbers.items() if k in params and is_curve(params[k], v)}
    for path in found:
        _takes(path, params)
        del numbers[path]
    return numbers, {path: Curve(_within(params[path], v, path), late[path]) for path, v in found.items()}


def check_length(path: str, values: int, samples: int) -> None:
    if values != samples:
        raise ParameterError(
            "curve-length",
            f"{path} is a curve of {values} values for {samples} samples of audio.",
            f"Give {samples} values, one a sample, or one number.",
        )


def check_lengths(steered: Mapping[str, Curve], samples: int) -> None:
    for path, curve in steered.items():
        check_length(path, curve.values.size, samples)


def as_long(pieces: Iterable[np.ndarray], steered: Mapping[str, Curve]) -> Iterator[np.ndarray]:
    """The pieces, unless they outrun a curve or end before it."""
    samples, shortest = 0, min((curve.values.size for curve in steered.values()), default=0)
    for piece in pieces:
        samples += piece.shape[1]
        if samples > shortest:
            check_lengths(steered, samples)
        yield piece
    check_lengths(steered, samples)


def padded(chain: Block, values: Mapping[str, Any], samples: int, sr: int) -> dict[str, Any]:
    """Values by path under a JAX transformation: curves, held to their length, as `Block.aligned` needs them."""
    flat, params, total = flatten(values), {path: q for path, q, _ in leaves(chain)}, chain.latency_samples(sr)
    late = dict(lateness(chain, sr))
    for path, value in flat.items():
        if path in params and is_curve(params[path], value):
            _takes(path, params)
            check_length(path, np.shape(value)[0], samples)
            flat[path] = jnp.pad(jnp.asarray(value), (late[path], total - late[path]), mode="edge")
    return flat


def _takes(path: str, params: Mapping[str, Param]) -> None:
    if not params[path].automatable:
        known = ", ".join(k for k, q in params.items() if q.automatable) or "none here"
        raise ParameterError(
            "parameter-shape", f"{path} takes one number, not a curve.", f"Parameters that take a curve: {known}."
        )


def _within(param: Param, value: Any, path: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise ParameterError("parameter-shape", f"{path}={short(value)} is no curve.", "Give one number a sample.")
    array = array.astype(np.float64)
    for n in np.flatnonzero(~param.holds(array))[:1]:
        param.check(array[n], f"{path}[{n}]")  # raises, naming the sample
    return np.clip(array, param.low, param.high)


def curves_in(block: Block, p: Values) -> tuple[dict[str, Any], dict[str, Any]]:
    """Checked values by path, the numbers and the curves apart: for whoever plays a block in parts."""
    params = {path: q for path, q, _ in leaves(block)}
    flat = flatten(p)
    found = {k: v for k, v in flat.items() if params[k].automatable and jnp.ndim(v) == 1}
    return {k: v for k, v in flat.items() if k not in found}, found
