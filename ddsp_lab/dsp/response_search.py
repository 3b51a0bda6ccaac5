"""The settings of a small filter from recordings: a spread of starts, then damped least squares on the response."""

from functools import partial
from typing import Any, ClassVar, Protocol

import jax
import numpy as np
from jaxtyping import Array, Complex, Float

from .._param import Param
from .svf import StateSpace
from .transfer import Transfer, measure

CHUNKS, KEPT = 24, 3
DESCENDED, ROUNDS = 12, 24
EMPHASIS = 0.25  # exponent on band energy: how much loud bands count for more than quiet ones
RIDGE = 1e-9  # relative: a filter that lets nothing through has no level
STEP = 1e-3  # of the differences that stand for derivatives, in the unit cube: systems come in float32
SAME = 0.02  # settings nearer in the unit cube than this are one


class Tunable(Protocol):
    """A hashable filter whose state space follows from scalar parameters."""

    params: ClassVar[tuple[Param, ...]]

    def system(self, p: dict[str, Any], sr: float) -> StateSpace: ...


def response(ss: StateSpace, frequency_hz: Float[np.ndarray, " f"], sr: float) -> Complex[np.ndarray, "*k f"]:
    r"""$D + C (w I - E)^{-1} B$ at $w = e^{2 \pi i f / f_s} - 1$, as a ratio of polynomials in $w$, on the host.

    Reference: Faddeev, Faddeeva, "Computational Methods of Linear Algebra", Freeman, 1963, section 47.
    """
    e, b, c, d = (np.asarray(v, np.float64) for v in ss)
    w = np.expm1(2j * np.pi / sr * frequency_hz)
    power = identity = np.eye(e.shape[-1])
    above, below = np.zeros_like(w), np.ones_like(w)
    for k in range(e.shape[-1]):
        above = above * w + np.einsum("...i,...ij,...j->...", c, power, b)[..., None]
        moved = e @ power
        coefficient = -np.trace(moved, axis1=-2, axis2=-1) / (k + 1)
        below = below * w + coefficient[..., None]
        power = moved + coefficient[..., None, None] * identity
    return d[..., None] + above / below


def spread(count: int, size: int) -> Float[np.ndarray, "count size"]:
    r"""Points spread over the unit cube: multiples of $\phi^{-1}, \phi^{-2}, \dots$ modulo 1, $\phi^{n+1} = \phi + 1$.

    Reference: Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018.
    """
    phi = 2.0
    for _ in range(30):
        phi = (1.0 + phi) ** (1.0 / (size + 1))
    return (0.5 + np.outer(np.arange(count), phi ** -np.arange(1.0, size + 1))) % 1.0


@partial(jax.jit, static_argnames=("block", "sr"))
def _systems(block: Tunable, u: Float[Array, "k n"], sr: int) -> StateSpace:
    def system(row):
        return block.system({q.name: q.from_unit(v) for q, v in zip(block.params, row, strict=True)}, sr)

    return jax.vmap(system)(u)


def nearest(block: Tunable, source: np.ndarray, reference: np.ndarray, sr: int) -> list[dict[str, float]]:
    """Distinct values at which a filter turns `source` into `reference` up to a gain, best first.

    Levenberg-Marquardt with the gain eliminated (variable projection), from the best of points spread over all values.
    """
    seen = measure(source, reference, sr)
    n = len(block.params)
    if seen.frequency_hz.size < 3 * n:
        return []
    size = DESCENDED * (n + 1)  # of everything that is asked at once, so that one program does
    starts = spread(CHUNKS * size, n)
    missed = np.concatenate([_missed(_residual(block, seen, u, sr)) for u in np.split(starts, CHUNKS)])
    u = starts[np.argsort(missed)[:DESCENDED]]
    r, j = _linear(block, seen, u, sr)
    damping = np.full(len(u), 0.1)
    for _ in range(ROUNDS):
        hessian, gradient = np.einsum("kif,kjf->kij", j, j), np.einsum("kif,kf->ki", j, r)
        diagonal = np.einsum("kii->ki", hessian)
        scale = diagonal + 1e-6 * diagonal.max(axis=1, keepdims=True) + 1e-12
        step = np.linalg.solve(hessian + (damping[:, None] * scale)[:, None] * np.eye(n), gradient[..., None])[..., 0]
        trial = np.clip(u - np.clip(step, -0.2, 0.2), 0.0, 1.0)
        tried, slope = _linear(block, seen, trial, sr)
        better = _missed(tried) < _missed(r)
        u, r, j = (
            np.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in ((trial, u), (tried, r), (slope, j))
        )
        damping = np.where(better, np.maximum(damping / 3.0, 1e-6), np.minimum(damping * 4.0, 1e4))
    kept: list[np.ndarray] = []
    for i in np.argsort(_missed(r)):
        if len(kept) < KEPT and all(np.abs(u[i] - v).max() > SAME for v in kept):
            kept.append(u[i])
    return [{q.name: float(q.from_unit(v)) for q, v in zip(block.params, row, strict=True)} for row in kept]


def _missed(r: Float[np.ndarray, "k f"]) -> Float[np.ndarray, " k"]:
    return np.nan_to_num(np.sum(r * r, axis=1), nan=np.inf)


def _residual(block: Tunable, seen: Transfer, u: Float[np.ndarray, "k n"], sr: int) -> Float[np.ndarray, "k f"]:
    """What is left of the measured response, weighted and of length one, at the best gain of each point."""
    weight = (seen.energy / seen.energy.max()) ** EMPHASIS * seen.coherence
    h = response(_systems(block, np.asarray(u, np.float32), sr), seen.frequency_hz, sr)
    goal, shape = (np.concatenate([weight * np.real(v), weight * np.imag(v)], axis=-1) for v in (seen.response, h))
    goal = goal / (np.linalg.norm(goal) + 1e-30)
    along = shape @ goal / (np.sum(shape * shape, axis=1) + RIDGE)
    return goal - along[:, None] * shape


def _linear(
    block: Tunable, seen: Transfer, u: Float[np.ndarray, "k n"], sr: int
) -> tuple[Float[np.ndarray, "k f"], Float[np.ndarray, "k n f"]]:
    """The residual and, by differences away from the nearest bound, its derivatives."""
    k, n = u.shape
    by = np.where(u > 0.5, -STEP, STEP)
    points = np.concatenate([u[None], u + by.T[:, :, None] * np.eye(n)[:, None]])
    r = _residual(block, seen, points.reshape(-1, n), sr).reshape(n + 1, k, -1)
    return r[0], np.moveaxis((r[1:] - r[0]) / by.T[:, :, None], 0, 1)
