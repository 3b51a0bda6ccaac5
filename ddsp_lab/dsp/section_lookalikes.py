"""Rows of equaliser bands that nearly do what others do, at a gain and beside some dry signal if need be."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._param import Param
from .._programs import compiled
from . import svf
from .transfer import measure

DRAWN = 96  # rows drawn at random that are fitted too
ROUNDS = 60
RIDGE = 1e-6  # relative: a row that does nothing cannot be told from dry signal
LIKE, MOST = 1e-3, 12  # of the first row's energy off the dry signal's: what misses by more is no twin
SAME = 0.03  # rows nearer in the unit cube than this are one


def lookalikes(
    kinds: tuple[svf.Kind, ...],
    params: tuple[Param, Param, Param],
    row: Float[np.ndarray, "3 n"],
    source: np.ndarray,
    sr: int,
    key: Array,
    beside_dry: bool,
) -> list[Float[np.ndarray, "3 n"]]:
    r"""Other rows $E' \approx E$ where `source` is heard; `beside_dry`, those with $\alpha E' + \delta \approx E$ for
    some real $\alpha, \delta$.

    A narrow band where little is heard, or two that make up a third, look like others. And poles say little about the
    gain of a band that stands beside dry signal: with the same poles, a band of another gain leaves the same shape at
    another weight, a cut that of a boost at the opposite one; and a low shelf is a high shelf of the opposite gain. So
    each shelf pair stands as it is or exchanged, each band's gain as it is or turned round about the same poles; these
    rows and random ones are fitted to the response of the first, the likest kept. Rows are cutoffs, gains and Qs in
    physical units.
    """
    seen = measure(source, source, sr)
    if not seen.energy.size:
        return []
    drawn = np.asarray(jax.random.uniform(key, (DRAWN, *row.shape)), np.float64)
    turned = np.stack([_units(params, start) for start in _starts(kinds, row, sr)])
    starts = np.concatenate([turned, drawn])
    weight = np.sqrt(seen.energy / seen.energy.max())
    fitted = _fitted(
        kinds,
        params,
        sr,
        beside_dry,
        *(jnp.asarray(v) for v in (starts, _units(params, row), seen.frequency_hz, weight)),
    )
    u, miss, unmoved = (np.asarray(v, np.float64) for v in fitted)
    u, miss = np.concatenate([turned, u]), np.concatenate([unmoved[: len(turned)], miss])
    kept = [_units(params, row)]
    for i in np.argsort(miss, kind="stable"):
        if len(kept) <= MOST and miss[i] < LIKE and all(np.abs(u[i] - other).max() > SAME for other in kept):
            kept.append(u[i])
    return [np.stack([np.asarray(p.from_unit(v)) for p, v in zip(params, unit, strict=True)]) for unit in kept[1:]]


def _units(params: tuple[Param, ...], row: np.ndarray) -> np.ndarray:
    return np.stack([np.clip(p.to_unit(v), 0.0, 1.0) for p, v in zip(params, row, strict=True)])


def _starts(kinds: tuple[svf.Kind, ...], row: np.ndarray, sr: int) -> Iterator[np.ndarray]:
    """The rows with the same poles: shelves exchanged or not; no gain, one, or all of them turned round."""
    n = len(kinds)
    exchanged = [n - 1, *range(1, n - 1), 0]
    for order in [list(range(n)), exchanged][: 1 + (n > 1)]:
        moved = np.array([kinds[i] != kind for i, kind in zip(order, kinds, strict=True)])
        turned = np.unique(np.concatenate([[np.ones(n)], [-np.ones(n)], 1.0 - 2.0 * np.eye(n)]), axis=0)
        for sign in turned:
            if (sign > 0).all() and not moved.any():
                continue
            yield _with_gains(kinds, order, row, sign * np.where(moved, -1.0, 1.0) * row[1, order], sr)


def _with_gains(
    kinds: tuple[svf.Kind, ...], order: list[int], row: np.ndarray, gain_db: np.ndarray, sr: int
) -> np.ndarray:
    """The row's poles, in another order, under other gains."""
    cutoff_hz, other_gain_db, q = (jnp.asarray(v) for v in row)
    before = svf.equaliser_sections(kinds, cutoff_hz, other_gain_db, q, sr)
    g, k = (np.asarray(v)[order] for v in (before.g, before.k))
    after = svf.equaliser_sections(
        kinds, jnp.full(len(kinds), 0.25 * sr), jnp.asarray(gain_db), jnp.ones(len(kinds)), sr
    )
    cutoff = np.arctan(g / np.asarray(after.g)) * sr / np.pi  # at a quarter of the rate the warped cutoff is 1
    return np.stack([cutoff, gain_db, np.asarray(after.k) / k])


@compiled(static=4)
def _fitted(
    kinds: tuple[svf.Kind, ...],
    params: tuple[Param, ...],
    sr: int,
    beside_dry: bool,
    starts: Float[Array, "s 3 n"],
    wanted: Float[Array, "3 n"],
    frequency_hz: Float[Array, " f"],
    weight: Float[Array, " f"],
) -> tuple[Float[Array, "s 3 n"], Float[Array, " s"], Float[Array, " s"]]:
    """Levenberg-Marquardt with the gain and the dry signal eliminated (variable projection): rows, what they miss and
    what the starts miss.

    Reference: Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate", SIAM J. Numerical Analysis 10(2), 1973.
    """

    def response(u):
        cutoff_hz, gain_db, q = (p.from_unit(v) for p, v in zip(params, u, strict=True))
        z = svf.response(svf.equaliser_sections(kinds, cutoff_hz, gain_db, q, sr), frequency_hz, sr)
        return jnp.concatenate([weight * z.real, weight * z.imag])

    dry = jnp.concatenate([weight, jnp.zeros_like(weight)])
    dry = dry / jnp.linalg.norm(dry)

    def off(v):
        return v - dry * (dry @ v) if beside_dry else v

    goal = off(response(wanted))
    size = jnp.linalg.norm(goal)

    def residual(u):
        shape = off(response(u))
        weight = (shape @ goal) / (shape @ shape + RIDGE * size**2) if beside_dry else 1.0
        return (goal - weight * shape) / size

    def fit(u):
        def tick(carry, _):
            u, damping = carry
            r, j = residual(u), jax.jacfwd(residual)(u).reshape(goal.size, -1)
            hessian, gradient = j.T @ j, j.T @ r
            diagonal = jnp.diag(hessian) + 1e-6 * jnp.max(jnp.diag(hessian)) + 1e-12
            step = jnp.linalg.solve(hessian + damping * jnp.diag(diagonal), gradient)
            trial = jnp.clip(u - jnp.clip(step, -0.2, 0.2).reshape(u.shape), 0.0, 1.0)
            better = jnp.sum(residual(trial) ** 2) < jnp.sum(r * r)
            damping = jnp.where(better, jnp.maximum(damping / 3.0, 1e-6), jnp.minimum(damping * 4.0, 1e4))
            return (jnp.where(better, trial, u), damping), None

        (after, _), _ = lax.scan(tick, (u, jnp.asarray(0.1, u.dtype)), None, length=ROUNDS)
        return after, jnp.sum(residual(after) ** 2), jnp.sum(residual(u) ** 2)

    return jax.vmap(fit)(starts)
