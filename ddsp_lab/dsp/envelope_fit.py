"""The envelope that a level curve shows, on the host."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .envelopes import adsr

NAMES = ("attack_s", "decay_s", "sustain", "release_s", "off_s")
DRAWN, TURNS, ELITE = 1024, 6, 32  # settings tried at once, how often, and how many of them the next are drawn about
GAIN_DB = 12.0  # by which an envelope that does not come up to 1 may be lower than the level
FLOOR = 3e-3  # of the peak: what is 50 dB down says nothing
FEW = 8  # every how many-th moment tells the gain: a median has them sorted


@partial(jax.jit, static_argnums=3)
def _errors(
    settings: Float[Array, "k 5"], t: Float[Array, " n"], level_db: Float[Array, " n"], curve: float
) -> Float[Array, " k"]:
    """How far each envelope is from the level, in dB, but for a gain."""

    def one(row: Float[Array, "5"]) -> Float[Array, ""]:
        attack, decay, sustain, release, off = row
        error = 20.0 * jnp.log10(adsr(t, off, attack, decay, sustain, release, curve) + FLOOR) - level_db
        return jnp.mean(jnp.abs(error - jnp.clip(jnp.median(error[::FEW]), -GAIN_DB, GAIN_DB)))

    return jax.vmap(one)(settings)


@partial(jax.jit, static_argnums=4)
def _scales(
    settings: Float[Array, "k 5"],
    t: Float[Array, " n"],
    values: Float[Array, " n"],
    weight: Float[Array, " n"],
    curve: float,
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    """How far each envelope is from the values, and by what it is multiplied there."""

    def one(row: Float[Array, "5"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        attack, decay, sustain, release, off = row
        e = adsr(t, off, attack, decay, sustain, release, curve)
        # the median of the ratios, weighted by how much each counts: frames that are read wrong do not move it
        ratio = values / (e + FLOOR)
        order = jnp.argsort(ratio)
        share = jnp.cumsum((weight * e)[order])
        scale = ratio[order][jnp.searchsorted(share, 0.5 * share[-1])]
        return jnp.sum(weight * jnp.abs(scale * e - values)), scale

    return jax.vmap(one)(settings)


def fitted_adsr(
    t: Float[np.ndarray, " n"],
    level: Float[np.ndarray, " n"],
    bounds: Mapping[str, tuple[float, float]],
    curve: float = 4.0,
) -> dict[str, float]:
    """The ADSR whose course in dB is nearest to that of `level` at `t` in s since the onset: `attack_s`, `decay_s`,
    `sustain`, `release_s` and `off_s`, within `bounds`."""
    level_db = 20.0 * np.log10(level / max(level.max(initial=0.0), 1e-9) + FLOOR)
    t, level_db = t.astype(np.float32), level_db.astype(np.float32)
    return _nearest(lambda found: np.asarray(_errors(found, t, level_db, curve)), bounds)


def scaled_adsr(
    t: Float[np.ndarray, " n"],
    values: Float[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"],
    bounds: Mapping[str, tuple[float, float]],
    curve: float = 4.0,
) -> tuple[dict[str, float], float]:
    """The ADSR that some multiple of is nearest to the `values`, each of a `weight`, and that multiple."""
    told = tuple(v.astype(np.float32) for v in (t, values, weight))
    best = _nearest(lambda found: np.asarray(_scales(found, *told, curve)[0]), bounds)
    return best, float(_scales(np.array([[best[k] for k in NAMES]], np.float32), *told, curve)[1][0])


def _nearest(errors: Callable[[np.ndarray], np.ndarray], bounds: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """What has the least error, by the cross-entropy method: many are drawn, and the next ones about the best of these,
    times in the logarithm.

    Reference: Rubinstein, Kroese, "The Cross-Entropy Method", Springer, 2004.
    """
    low, high = (np.array([bounds[k][i] for k in NAMES], float) for i in (0, 1))
    logs = np.array([k.endswith("_s") for k in NAMES])
    low, high = (np.where(logs, np.log(np.maximum(v, 1e-9)), v) for v in (low, high))
    random = np.random.default_rng(0)
    centre, spread = 0.5 * (low + high), 0.5 * (high - low)
    best, least = centre, np.inf
    for turn in range(TURNS):
        rows = random.uniform(low, high, (DRAWN, 5)) if not turn else random.normal(centre, spread, (DRAWN, 5))
        rows = np.concatenate([np.clip(rows, low, high), best[None]])
        found = np.where(logs, np.exp(rows), rows)
        error = errors(found.astype(np.float32))
        elite = rows[np.argsort(error, kind="stable")[:ELITE]]
        centre, spread = elite.mean(axis=0), elite.std(axis=0) + 0.02 * (high - low) / (1 + turn)
        if error.min() < least:
            best, least = rows[int(np.argmin(error))], float(error.min())
    return dict(zip(NAMES, np.where(logs, np.exp(best), best).tolist(), strict=True))
