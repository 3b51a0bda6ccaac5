"""How good a fit is: the figures every result carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ._block import Block, flatten, leaves, walk
from ._pairs import Pair
from ._space import Space, starting_values
from ._target import distance_between
from .audio import loudness
from .dsp.alignment import overlap
from .dsp.svf import HIGHEST
from .dsp.transfer import shifted
from .targets.multi_resolution_stft import MultiResolutionStft

AT_BOUND = 1e-4  # of a parameter's range
NUDGE = 0.05  # of a parameter's range
MATTERS = 1e-2  # of the loss: a nudge that changes it by less does not matter
MANY = 256  # numbers from which those of one parameter are nudged together


def esr(reference: np.ndarray, y: np.ndarray) -> float:
    r"""$\sum (r - y)^2 / \sum r^2$ over the shorter length, in float64."""
    n = min(reference.shape[1], y.shape[1])
    reference, y = (np.asarray(v[:, :n], np.float64) for v in (reference, y))
    return float(np.sum(np.square(reference - y)) / (np.sum(np.square(reference)) + 1e-300))


def scores(pairs: Sequence[Pair], fits: Sequence[np.ndarray], sr: int) -> dict[str, float | None]:
    """Figures over all pairs: `fits` are the dry recordings through the chain, lined up with the references.

    `esr` compares the files as they came, `esr_aligned` after the delay, its fraction too, and the polarity that were
    found have been taken off. `mrstft` is the multi-resolution STFT distance, lufs the loudness of the first pair.
    """
    distance = MultiResolutionStft()
    raw, aligned, spectral = [], [], []
    for pair, y in zip(pairs, fits, strict=True):
        aligned.append(esr(pair.reference, _fraction_removed(pair, y)))
        raw.append(esr(*_as_recorded(pair, y)))
        spectral.append(float(distance_between(distance, sr, pair.reference, y)))
    first = pairs[0].alignment
    return {
        "esr": float(np.mean(raw)),
        "esr_aligned": float(np.mean(aligned)),
        "mrstft": float(np.mean(spectral)),
        "latency_samples": first.latency_samples,
        "gain_db": first.gain_db,
        "polarity": first.polarity,
        "lufs_reference": loudness(pairs[0].reference, sr),
        "lufs_fit": loudness(fits[0], sr),
    }


def _as_recorded(pair: Pair, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reference and fit before anything was shifted or turned round."""
    turned = any(code == "align-polarity" for code, _ in pair.notes)
    return overlap(-pair.reference if turned else pair.reference, y, -pair.alignment.applied_samples)


def _fraction_removed(pair: Pair, y: np.ndarray) -> np.ndarray:
    """The fit, later by the fraction of a sample that whole samples have left, if that brings it nearer."""
    left = pair.alignment.latency_samples - pair.alignment.applied_samples
    if pair.alignment.applied_samples == 0 or abs(left) < 1e-3:
        return y
    moved = shifted(y, left)
    return moved if esr(pair.reference, moved) < esr(pair.reference, y) else y


def at_bound(space: Space, u: np.ndarray) -> list[str]:
    """The free parameters that stand at a bound; of some values, one is always the last."""
    points = zip(space.names, u, space.layout.levels, strict=True)
    return [name for name, v, levels in points if min(v, 1.0 - v) < AT_BOUND and not levels]


def sensitivity(space: Space, u: np.ndarray, loss: Callable[[np.ndarray], float]) -> dict[str, float]:
    """By how much the loss changes, at most, when a free parameter is nudged up or down by a twentieth of its range, or
    to the next of its values."""
    here, changes = loss(u), {}
    nudge = np.maximum(NUDGE, 1.0 / np.where(space.layout.levels, space.layout.levels, np.inf))
    paths = np.array([name.partition("[")[0] if space.size > MANY else name for name in space.names])
    for name in dict.fromkeys(paths.tolist()):
        step = nudge * (paths == name)
        changes[name] = max(abs(loss(np.clip(u + way * step, 0.0, 1.0)) - here) for way in (1.0, -1.0))
    return changes


def insensitive(changes: Mapping[str, float], loss: float) -> list[str]:
    """The parameters that hardly matter: nudged, they leave the loss as it is."""
    return [name for name, change in changes.items() if not change > MATTERS * loss + 1e-9]


def rounded(metrics: dict[str, Any]) -> dict[str, Any]:
    """Figures without the digits that mean nothing; None where there is no number."""
    return {k: _six_digits(v) if isinstance(v, float) else v for k, v in metrics.items()}


def _six_digits(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def remarks(chain: Block, values: Mapping[str, Any], sr: int) -> list[tuple[str, str]]:
    """What the blocks say of themselves, and frequencies that are within their bounds and beyond what `sr` can carry,
    which blocks take as 0.49 of it."""
    said = [remark for block in walk(chain) for remark in block.remarks(sr)]
    flat, top = {**starting_values(chain), **flatten(values)}, HIGHEST * sr
    return said + [
        ("rate-clamped", f"{path}={np.max(flat[path]):g} Hz is more than {sr} Hz can carry: taken as {top:g} Hz.")
        for path, q, _ in leaves(chain)
        if q.unit == "Hz" and np.max(flat[path]) > top
    ]
