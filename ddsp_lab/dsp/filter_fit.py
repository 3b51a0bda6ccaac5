"""Where a filter stood while a tone went through it, on the host."""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.fft import rfft

from .frame_view import frames
from .stft import hann
from .svf import Plain, plain_section, response

CUTOFFS_HZ, QS = np.geomspace(30.0, 18_000.0, 48), np.array([0.6, 1.0, 2.0, 4.0, 8.0, 16.0])
FAINT = 1e-3  # of the strongest harmonic
SIZE, HIGHEST, BANDS_HZ = 4096, 0.45, np.geomspace(30.0, 18_000.0, 41)  # of frames of noise, and the edges of its bands


class Track(NamedTuple):
    """The wave, by its number, that explains the tone with this `q` and these cutoffs; its mean error in dB."""

    wave: int
    q: float
    cutoff_hz: Float[np.ndarray, " n"]
    error_db: float


@partial(jax.jit, static_argnums=(0, 2, 3))
def _table_db(kind: Plain, hz: Float[Array, " k"], sr: int, stages: int) -> Float[Array, "q c k"]:
    def one(q: Float[Array, ""], cutoff_hz: Float[Array, ""]) -> Float[Array, " k"]:
        passed = response(plain_section(kind, cutoff_hz[None], q[None] ** (1.0 / stages), sr), hz, sr)
        return stages * 20.0 * jnp.log10(jnp.abs(passed) + 1e-6)

    return jax.vmap(lambda q: jax.vmap(lambda c: one(q, c))(jnp.asarray(CUTOFFS_HZ)))(jnp.asarray(QS))


def tracks(
    levels: Float[np.ndarray, "n k"],
    hz: Float[np.ndarray, " k"],
    waves: Float[np.ndarray, "w k"],
    kind: Plain,
    stages: int,
    sr: int,
) -> list[Track]:
    """Each wave through the filter that brings its harmonics at `hz` nearest to `levels` in dB, whatever the gain of a
    frame; best first. Harmonics count by the square root of how loud they are."""
    table = np.asarray(_table_db(kind, jnp.asarray(np.minimum(hz, 0.49 * sr)), sr, stages))
    weight = np.sqrt(levels) * (hz < 0.45 * sr)
    weight = weight / (weight.sum(axis=1, keepdims=True) + 1e-12)
    heard = 20.0 * np.log10(levels / levels.max(axis=1, keepdims=True).clip(1e-9) + FAINT)
    loud = np.sqrt(levels.sum(axis=1))
    found = []
    for number, wave in enumerate(waves):
        model = 20.0 * np.log10(wave / wave.max() + 1e-4) + table
        apart = heard[:, None, None] - np.maximum(model - model.max(axis=-1, keepdims=True), 20.0 * np.log10(FAINT))
        apart = apart - np.einsum("nk,nqck->nqc", weight, apart)[..., None]
        error = np.einsum("nk,nqck->nqc", weight, np.abs(apart))
        best = int(np.argmin(loud @ error.min(axis=2)))
        chosen = error[:, best]
        mean = float(loud @ chosen.min(axis=1) / loud.sum())
        found.append(Track(number, float(QS[best]), CUTOFFS_HZ[np.argmin(chosen, axis=1)], mean))
    return sorted(found, key=lambda track: track.error_db)


def noise_levels(
    x: Float[np.ndarray, " t"], sr: int, at: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, " k"]]:
    """How dense noise is about some samples, in bands, and their middles in Hz: medians, which no partial moves by
    much."""
    view = frames(np.asarray(x, np.float64), SIZE, 1)[at] * hann(SIZE)
    amplitude = np.abs(rfft(view))
    edges = np.unique(np.rint(BANDS_HZ * SIZE / sr).astype(int))
    edges = edges[edges < HIGHEST * SIZE]
    levels = [np.median(amplitude[:, a:b], axis=1) for a, b in pairwise(edges)]
    return np.stack(levels, axis=1), 0.5 * (edges[1:] + edges[:-1] - 1) * sr / SIZE


def passed(track: Track, hz: Float[np.ndarray, " k"], kind: Plain, stages: int, sr: int) -> Float[np.ndarray, "n k"]:
    """How much of what is at `hz` the filter leaves."""
    section = plain_section(kind, jnp.asarray(track.cutoff_hz), jnp.asarray(track.q ** (1.0 / stages)), sr)
    return np.abs(np.asarray(response(section, jnp.asarray(np.minimum(hz, 0.49 * sr)), sr))).T ** stages


class Move(NamedTuple):
    """How a cutoff moves: from `start_st` to `end_st` (about any reference), half of the way within `half_s`."""

    start_st: float
    end_st: float
    half_s: float


def movement(cutoff_hz: Float[np.ndarray, " n"], time_s: Float[np.ndarray, " n"]) -> Move:
    """The beginning, the end and the half time of a track of cutoffs, in semitones about 440 Hz."""
    st = 12.0 * np.log2(cutoff_hz / 440.0)
    few = max(1, st.size // 6)
    start, end = float(np.median(st[:few])), float(np.median(st[-few:]))
    beyond = np.flatnonzero((st - start) * np.sign(end - start) >= 0.5 * abs(end - start))
    return Move(start, end, float(time_s[beyond[0]] if beyond.size else time_s[-1]))
