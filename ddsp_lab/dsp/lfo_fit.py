"""First guesses at an LFO: rates to try, guesses apart from one another, and the sweep of a gain."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from .._param import Param

FRAME_S = 2.5e-3  # within which a delay or a gain is taken to stand still
RATES_HZ = 0.05, 10.0
FINENESS = 0.25  # cycles by which two neighbouring rates differ over the whole recording
KEPT = 4  # guesses
EDGE = 0.06  # cycles: a phase nearer to 0 than that is tried at 1 too, and the other way round


class Sweep(NamedTuple):
    """$c + s\\,l(t)$, and the weights of what it moves; `explained` is the share of the reference's energy."""

    rate_hz: float
    phase: float
    shape: float
    centre: float
    swing: float
    explained: float
    weights: tuple[float, ...] = ()


def wave(turns: np.ndarray, shape: float) -> np.ndarray:
    """`lfo.wave` on the host."""
    return (1.0 - shape) * np.sin(2.0 * np.pi * turns) + shape * (4.0 * np.abs((turns + 0.75) % 1.0 - 0.5) - 1.0)


def rates(seconds: float) -> np.ndarray:
    """From the lowest rate to the highest, so dense that over the recording none is far out of phase."""
    low, high = RATES_HZ
    first = max(low, 0.25 / seconds)
    return np.concatenate([np.geomspace(low, first, 4)[:-1], np.arange(first, high, FINENESS / seconds), [high]])


def frames(x: np.ndarray, size: int) -> np.ndarray:
    """Sums over frames, of the last axis."""
    count = x.shape[-1] // size
    return x[..., : count * size].reshape(*x.shape[:-1], count, size).sum(-1)


def both_edges(phase: float) -> list[float]:
    """A phase near the ends of its range at either end: a search cannot walk from one to the other."""
    return [phase, 1.0 - 1e-9 if phase < EDGE else 0.0] if min(phase, 1.0 - phase) < EDGE else [phase]


def gain_curves(source: np.ndarray, reference: np.ndarray, sr: float) -> list[Sweep]:
    """The best sweeps of the gain, by weighted least squares of the short-term gain on an LFO at every rate."""
    size = max(1, round(FRAME_S * sr))
    x, y = (np.asarray(s, np.float64) for s in (source, reference))
    weight, product = frames(np.sum(x * x, 0), size), frames(np.sum(x * y, 0), size)
    total = np.sum(product**2 / (weight + 1e-30))
    if weight.size < 16 or total <= 0.0:
        return []
    t = (np.arange(weight.size) + 0.5) * size / sr

    def solved(basis: np.ndarray) -> tuple[float, np.ndarray]:
        gram, right = (basis * weight) @ basis.T, basis @ product
        found = np.linalg.solve(gram + 1e-9 * np.trace(gram) * np.eye(len(basis)), right)
        return float(found @ right) / total, found

    def missing(v: np.ndarray) -> float:
        return 1.0 - solved(np.stack([np.ones_like(t), wave(v[0] * t + v[1], np.clip(v[2], 0.0, 1.0))]))[0]

    first = []
    for rate in rates(t[-1]):
        turns = 2.0 * np.pi * rate * t
        explained, (_, sine, cosine) = solved(np.stack([np.ones_like(t), np.sin(turns), np.cos(turns)]))
        first.append((explained, rate, np.arctan2(cosine, sine) / (2.0 * np.pi)))
    found = []
    for _, rate, phase in apart(first, np.array([2.0 / t[-1]]))[:KEPT]:
        v = refined(missing, np.array([rate, phase, 0.2]), np.array([FINENESS / t[-1] / 2, 0.05, 0.3]))
        shape = float(np.clip(v[2], 0.0, 1.0))
        explained, (centre, swing) = solved(np.stack([np.ones_like(t), wave(v[0] * t + v[1], shape)]))
        turn = 0.0 if swing >= 0.0 else 0.5
        found.append(Sweep(float(v[0]), float((v[1] + turn) % 1.0), shape, float(centre), float(abs(swing)), explained))
    return ranked(found, 0.1)


def apart(found: list[tuple[float, ...]], gaps: np.ndarray) -> list[tuple[float, ...]]:
    """Best first, none that is in everything within `gaps` of a better one; items are (score, rate, …)."""
    kept: list[tuple[float, ...]] = []
    for item in sorted(found, key=lambda f: -f[0])[:500]:
        here = np.array(item[1 : 1 + gaps.size])
        if all((np.abs(here - other[1 : 1 + gaps.size]) > gaps).any() for other in kept):
            kept.append(item)
    return kept


def refined(f: Callable[[np.ndarray], float], v: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Where `f` is lowest near `v`, by a simplex that starts as wide as `steps`."""
    simplex = np.concatenate([v[None], v + np.diag(steps)])
    return minimize(
        f, v, method="Nelder-Mead", options={"initial_simplex": simplex, "maxfev": 50 * v.size, "fatol": 1e-9}
    ).x


def ranked(found: list[Sweep], same: float) -> list[Sweep]:
    """The best first, and none twice: those whose centres differ by less than `same`, and whose rates by little."""
    low, high = RATES_HZ
    kept: list[Sweep] = []
    for s in sorted(found, key=lambda s: -s.explained):
        if all(abs(s.rate_hz / o.rate_hz - 1.0) > 0.01 or abs(s.centre - o.centre) > same for o in kept):
            kept.append(s._replace(rate_hz=float(np.clip(s.rate_hz, low, high))))
    return [s._replace(phase=phase) for s in kept[:KEPT] for phase in both_edges(s.phase)]


def within(params: tuple[Param, ...], sweep: Sweep, values: dict[str, float]) -> dict[str, float]:
    """A guess: the LFO of a sweep and other values, none out of its bounds."""
    bounds = {q.name: q for q in params}
    guess = values | {k: getattr(sweep, k) for k in ("rate_hz", "phase", "shape")}
    return {k: float(np.clip(v, bounds[k].low, bounds[k].high)) for k, v in guess.items()}
