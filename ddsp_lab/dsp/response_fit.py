"""Equaliser bands from recordings: poles and zeros first, then damped least squares on the measured response."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float
from scipy.signal import lfilter

from .._param import Param
from .._programs import compiled
from . import svf
from .section_match import Bands, match
from .transfer import Transfer, measure
from .vector_fit import vector_fit, whitener

EXCERPT_S = 2.5  # of signal the pole search uses at least: exact data needs no more
ENOUGH = 0.05  # of the reference's energy is in what it uses
WHITENING = (0, 32)  # prediction orders; without any, the loudest octaves alone decide
MATCHES = 3  # rows of bands tried per pole search
REDRAWN = 24  # starts in which bands that do nothing are put elsewhere
ROUNDS, KEPT = 30, 4
EMPHASIS = 0.25  # exponent on band energy: how much loud bands count for more than quiet ones
STEP = 0.2  # the longest step, in the unit cube
OFFSET_DB = 60.0  # the broadband gain fitted along lies within this
IDLE_DB = 0.5  # a band with less gain is doing nothing


def bands(
    kinds: tuple[svf.Kind, ...],
    params: tuple[Param, Param, Param],
    source: np.ndarray,
    reference: np.ndarray,
    sr: int,
    key: Array,
    current: np.ndarray | None = None,
) -> list[dict[str, np.ndarray]]:
    """Distinct settings of a row of sections that turn `source` into `reference` up to a gain, best guesses first.

    `params` are cutoff, gain and Q; `current`, (3, bands), joins the starts. Exact recordings give exact settings.
    Where the recordings are only about right, the pole search puts bands on noise, so its rows are refined on the
    smoothed response, as are copies in which idle bands are drawn afresh.
    """
    seen = measure(source, reference, sr)
    if seen.frequency_hz.size < 3 * len(kinds):
        return []
    found = [_units(params, b) for b in pole_search(kinds, source, reference, sr, params[1].high)]
    starts = [*found, *([] if current is None else [current])]
    if not starts:
        return []
    drawn = _redrawn(np.stack(starts), params, key)
    refined = _refined(kinds, params, seen, drawn, sr)
    # exact recordings first: what the poles say; else what the ear would say
    both = [row for pair in zip(found, refined, strict=False) for row in pair] + refined[len(found) :]
    return [{q.name: np.asarray(q.from_unit(v)) for q, v in zip(params, row, strict=True)} for row in both]


def pole_search(
    kinds: tuple[svf.Kind, ...], source: np.ndarray, reference: np.ndarray, sr: int, widest_db: float
) -> list[Bands]:
    """Rows of bands by vector fitting, plain and whitened, best matches first.

    It runs on the beginning of the recordings, where the filter's memory is known to be empty.
    """
    if source.shape[1] < 64 * len(kinds):
        return []
    loud = np.cumsum(np.square(reference, dtype=np.float64).sum(0))
    size = max(int(EXCERPT_S * sr), int(np.searchsorted(loud, ENOUGH * loud[-1])))
    channel = int(np.argmax(np.square(source).sum(1)))
    rows: list[Bands] = []
    for order in WHITENING:
        x, y = (np.asarray(s[channel, :size], np.float64) for s in (source, reference))
        if order:
            a = whitener(x, order)
            x, y = lfilter(a, [1.0], x), lfilter(a, [1.0], y)
        try:
            fit = vector_fit(x, y, 2 * len(kinds), sr)
        except np.linalg.LinAlgError:
            continue
        rows += match(fit.poles, fit.zeros, kinds, sr, widest_db, MATCHES)
    return sorted(rows, key=lambda r: r.mismatch)


def _units(params: tuple[Param, ...], b: Bands) -> np.ndarray:
    values = (b.cutoff_hz, b.gain_db, b.q)
    return np.stack([np.clip(p.to_unit(v), 0.0, 1.0) for p, v in zip(params, values, strict=True)])


def _redrawn(starts: np.ndarray, params: tuple[Param, ...], key: Array) -> np.ndarray:
    """`starts`, and copies whose idle bands (one at random where there is none) stand elsewhere."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    copies = []
    for i in range(REDRAWN):
        row = starts[i % len(starts)].copy()
        idle = np.abs(np.asarray(params[1].from_unit(row[1]))) < IDLE_DB
        if not idle.any():
            idle[rng.integers(idle.size)] = True
        copies.append(np.where(idle, rng.uniform([[0.1], [0.4], [0.3]], [[0.95], [0.6], [0.7]], row.shape), row))
    return np.concatenate([starts, np.stack(copies)])


def _refined(
    kinds: tuple[svf.Kind, ...], params: tuple[Param, ...], seen: Transfer, starts: np.ndarray, sr: int
) -> list[np.ndarray]:
    weight = (seen.energy / seen.energy.max()) ** EMPHASIS
    weight /= np.sqrt(np.sum(weight**2))
    u, error = _descend(
        kinds,
        params,
        sr,
        jnp.asarray(starts),
        jnp.asarray(np.log(seen.response)),
        jnp.asarray(weight),
        jnp.asarray(seen.frequency_hz),
    )
    u, error = np.asarray(u, np.float64), np.nan_to_num(np.asarray(error), nan=np.inf)
    kept: list[int] = []
    for i in np.argsort(error):
        if np.isfinite(error[i]) and all(abs(error[i] - error[k]) > 1e-3 * error[k] + 1e-9 for k in kept):
            kept.append(int(i))
    return [u[i] for i in kept[:KEPT]]


@compiled(static=3)
def _descend(
    kinds: tuple[svf.Kind, ...],
    params: tuple[Param, ...],
    sr: int,
    starts: Float[Array, "s 3 n"],
    log_response: Complex[Array, " f"],
    weight: Float[Array, " f"],
    frequency_hz: Float[Array, " f"],
) -> tuple[Float[Array, "s 3 n"], Float[Array, " s"]]:
    """Levenberg-Marquardt on the complex log response: level in nepers, half the wrapped phase in radians, and a
    broadband gain. The log response of a row is a sum over bands, so each band has its own three columns."""
    n = len(kinds)

    def band(u, kind):
        cutoff, gain, q = (p.from_unit(u[i]) for i, p in enumerate(params))
        section = svf.equaliser_sections((kind,), cutoff[None], gain[None], q[None], sr)
        z = jnp.log(svf.response(section, frequency_hz, sr))
        return jnp.stack([z.real, z.imag])

    def scaled(r):
        return jnp.concatenate([r[0] * weight, 0.5 * weight * jnp.arctan2(jnp.sin(r[1]), jnp.cos(r[1]))])

    def residual(u, offset):
        r = sum(band(u[:, i], kind) for i, kind in enumerate(kinds))
        measured = jnp.stack([log_response.real, log_response.imag])
        return scaled(r - measured + jnp.stack([offset, jnp.zeros(())])[:, None])

    def jacobian(u):
        columns = [jax.jacfwd(band)(u[:, i], kind) for i, kind in enumerate(kinds)]  # (2, f, 3) each
        both = jnp.concatenate([c[0] * weight[:, None] for c in columns], axis=1)
        phase = jnp.concatenate([0.5 * c[1] * weight[:, None] for c in columns], axis=1)
        offset = jnp.concatenate([weight, jnp.zeros_like(weight)])
        return jnp.column_stack([jnp.concatenate([both, phase]), offset])

    def fit(u):
        def tick(carry, _):
            u, offset, damping = carry
            r, j = residual(u, offset), jacobian(u)
            hessian, gradient = j.T @ j, j.T @ r
            diagonal = jnp.diag(hessian) + 1e-6 * jnp.max(jnp.diag(hessian))
            step = jnp.linalg.solve(hessian + damping * jnp.diag(diagonal), gradient)
            trial = jnp.clip(u - jnp.clip(step[:-1], -STEP, STEP).reshape(n, 3).T, 0.0, 1.0)
            shifted = offset - jnp.clip(step[-1], -1.0, 1.0)
            better = jnp.sum(residual(trial, shifted) ** 2) < jnp.sum(r * r)
            damping = jnp.where(better, jnp.maximum(damping / 3.0, 1e-5), jnp.minimum(damping * 4.0, 1e4))
            return (jnp.where(better, trial, u), jnp.where(better, shifted, offset), damping), None

        level = jnp.sum(weight**2 * (log_response.real - residual_level(u)))
        (u, offset, _), _ = lax.scan(tick, (u, level, jnp.asarray(0.1, u.dtype)), None, length=ROUNDS)
        return u, jnp.sum(residual(u, offset) ** 2)

    def residual_level(u):
        return sum(band(u[:, i], kind)[0] for i, kind in enumerate(kinds))

    return jax.vmap(fit)(starts)
