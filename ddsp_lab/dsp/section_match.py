"""From poles and zeros to the bands of an equaliser: which belongs to which."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from .svf import Kind
from .vector_fit import Roots

PAIRINGS = 15  # of real roots into second-order sections; more than six of them are rare
BEYOND = 0.02  # cost of a squared dB beyond the gain's range, against squared nepers of mismatch
NEPER_DB = 40.0 / np.log(10.0)  # a band's A is 10^(gain / 40)


class Bands(NamedTuple):
    """Settings of a row of sections, and how badly the roots fit that row."""

    mismatch: float
    cutoff_hz: np.ndarray
    gain_db: np.ndarray
    q: np.ndarray


def match(
    poles: Roots, zeros: Roots, kinds: tuple[Kind, ...], sr: float, widest_gain_db: float, most: int
) -> list[Bands]:
    r"""The `most` best rows of bands that have these poles and zeros, best first.

    A peak's poles and zeros share their frequency, a shelf's share their Q; which pair is a shelf is tried out, the
    rest is an assignment problem. Roots are those of the warped s-plane, one pair of each per section.
    """
    rows: list[tuple[float, Any]] = []
    shelves: list[Kind] = [k for k in kinds if k != "peak"]
    for p in _sections(poles):
        for z in _sections(zeros):
            frequency = z[0][None, :] - p[0][:, None]  # of zero j over pole i, in nepers
            damping = p[1][:, None] - z[1][None, :]  # of Q
            cost = {
                "peak": frequency**2 + _beyond(0.5 * damping, widest_gain_db),
                "low_shelf": damping**2 + _beyond(frequency, widest_gain_db),
                "high_shelf": damping**2 + _beyond(frequency, widest_gain_db),
            }
            for places in itertools.permutations(range(len(kinds)), len(shelves)):
                row: list[Kind] = ["peak"] * len(kinds)
                for place, kind in zip(places, shelves, strict=True):
                    row[place] = kind
                costs = np.stack([cost[kind][i] for i, kind in enumerate(row)])
                _, partner = linear_sum_assignment(costs)
                total = float(costs[np.arange(len(row)), partner].sum())
                rows.append((total, (row, kinds, p, (z[0][partner], z[1][partner]), sr)))
    return [_bands(total, *rest) for total, rest in sorted(rows, key=lambda r: r[0])[:most]]


def _beyond(nepers: np.ndarray, widest_db: float) -> np.ndarray:
    return BEYOND * np.maximum(np.abs(nepers) * NEPER_DB - widest_db, 0.0) ** 2


def _sections(roots: Roots) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Roots as second-order sections (ln frequency, ln Q), once for every way to pair up the real ones."""
    complex_ones = roots[roots.imag > 0.0]
    real = np.sort(np.abs(roots[roots.imag == 0.0].real)).tolist()
    fixed = [(abs(r), abs(r) / (2.0 * abs(r.real))) for r in complex_ones]
    for pairing in itertools.islice(_pairings(real), PAIRINGS):
        both = fixed + [((a * b) ** 0.5, (a * b) ** 0.5 / (a + b)) for a, b in pairing]
        frequency, q = np.log(np.array(both)).T
        yield frequency, q


def _pairings(items: list[float]) -> Iterator[list[tuple[float, float]]]:
    if len(items) < 2:
        yield []
        return
    first, rest = items[0], items[1:]
    for i, other in enumerate(rest):
        for pairing in _pairings(rest[:i] + rest[i + 1 :]):
            yield [(first, other), *pairing]


def _bands(
    mismatch: float,
    row: list[Kind],
    kinds: tuple[Kind, ...],
    pole: tuple[np.ndarray, np.ndarray],
    zero: tuple[np.ndarray, np.ndarray],
    sr: float,
) -> Bands:
    """The settings that poles and zeros mean, in the order of `kinds`, equal kinds by rising frequency."""
    peak, low = np.array([k == "peak" for k in row]), np.array([k == "low_shelf" for k in row])
    ratio = zero[0] - pole[0]
    ln_a = np.where(peak, 0.5 * (pole[1] - zero[1]), np.where(low, ratio, -ratio))
    ln_g = np.where(peak, 0.5 * (pole[0] + zero[0]), pole[0] + 0.5 * np.where(low, ln_a, -ln_a))
    cutoff = np.arctan(np.exp(ln_g)) * sr / np.pi
    waiting = {k: sorted((i for i in range(len(row)) if row[i] == k), key=lambda i: cutoff[i]) for k in set(row)}
    order = [waiting[k].pop(0) for k in kinds]
    return Bands(mismatch, cutoff[order], (NEPER_DB * ln_a)[order], np.exp(0.5 * (pole[1] + zero[1]))[order])
