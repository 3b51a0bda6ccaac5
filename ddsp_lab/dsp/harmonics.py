"""Sums of partials whose levels move: of a steady pitch, stretched or not, and of one that glides."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .linear_map import linear_map
from .modal import audible, sine_tables, times

AT_ONCE = 16  # harmonics in one pass: a program of more takes long to compile


def stretched(f0_hz: Float[Array, ""], inharmonicity: Float[Array, ""] | float, partials: int) -> Float[Array, " k"]:
    r"""$f_k = k f_0 \sqrt{1 + B k^2}$, as the stiffness of a string has it.

    Reference: Fletcher, Blackham, Stratton, "Quality of piano tones", Journal of the Acoustical Society of America
    34(6), 1962.
    """
    k = np.arange(1, partials + 1).astype(np.float32)
    return f0_hz * k * jnp.sqrt(1.0 + inharmonicity * k**2)


def frames_for(samples: int, hop: int) -> int:
    """How many frames of levels, one every `hop` samples, reach over so many samples."""
    return -(-samples // hop) + 1


def _later(hop: int) -> Float[Array, " hop"]:
    """How far each sample is from one frame towards the next."""
    return jnp.arange(hop) / jnp.asarray(hop, float)


def steady_partials(
    frequency_hz: Float[Array, " k"],
    levels: Float[Array, "frames k"],
    phase: Float[Array, " k"],
    samples: int,
    sr: int,
    hop: int,
) -> Float[Array, " t"]:
    r"""$\sum_k a_k(n) \sin 2\pi(f_k n / f_s + \varphi_k)$, $a_k$ straight between `levels` every `hop` samples.

    Partials fade out between 0.45 and 0.5 of the sample rate. Two matrix products, whatever the levels do.
    """
    coarse, fine = sine_tables(frequency_hz, phase, levels.shape[0] - 1, hop, sr)
    levels = (levels * audible(frequency_hz, sr))[:, None]
    later = _later(hop)
    y = (1.0 - later) * times(coarse * levels[:-1], fine) + later * times(coarse * levels[1:], fine)
    return jnp.asarray(y.reshape(-1)[:samples])


def _first_two(turns: Float[Array, "f hop"], even: bool) -> tuple[Array, Array, Array]:
    r"""$2 \cos\theta$, and the sines (or cosines, which are `even`) of $0$ and of $\theta$."""
    angle = 2.0 * jnp.pi * turns
    cosine = jnp.cos(angle)
    return 2.0 * cosine, *((jnp.ones_like(turns), cosine) if even else (jnp.zeros_like(turns), jnp.sin(angle)))


def _sum(turns: Float[Array, "f hop"], levels: Float[Array, "f+1 k"], even: bool) -> Float[Array, "f hop"]:
    r"""$\sum_k a_k \sin k\theta$, or of cosines, by $s_{k+1} = 2 \cos\theta\,s_k - s_{k-1}$: several harmonics in one
    pass over the samples."""
    double, silence, sine = _first_two(turns, even)
    later, few = _later(turns.shape[1]), min(AT_ONCE, levels.shape[1])
    rows = jnp.pad(levels.T, ((0, -levels.shape[1] % few), (0, 0))).reshape(-1, few, levels.shape[0])

    def several(sums: tuple[Array, Array, Array], rows: Array) -> tuple[tuple[Array, Array, Array], None]:
        y, before, now = sums
        for level in rows:
            y = y + (level[:-1, None] + later * (level[1:] - level[:-1])[:, None]) * now
            before, now = now, double * now - before
        return (y, before, now), None

    return lax.scan(several, (jnp.zeros_like(turns), silence, sine), rows)[0][0]


def _correlated(
    turns: Float[Array, "f hop"], heard: Float[Array, "f hop"], count: int, even: bool
) -> Float[Array, "f+1 k"]:
    """The transpose of `_sum` in `levels`. Harmonic by harmonic: nothing is kept, and a sine is a product."""
    (double, silence, sine), later = _first_two(turns, even), _later(turns.shape[1])

    def harmonic(recent: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        before, now = recent
        left, right = (jnp.sum(heard * share * now, axis=1) for share in (1.0 - later, later))
        return (now, double * now - before), jnp.pad(left, (0, 1)) + jnp.pad(right, (1, 0))

    return lax.scan(harmonic, (silence, sine), None, length=count)[1].T


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _gliding(turns: Float[Array, "f hop"], levels: Float[Array, "f+1 k"], even: bool) -> Float[Array, "f hop"]:
    return _sum(turns, levels, even)


@_gliding.defjvp
def _(even, primals, tangents):
    (turns, levels), (turned, raised) = primals, tangents
    louder = linear_map(
        lambda v: _sum(turns, v, even),
        lambda heard: _correlated(turns, heard, levels.shape[1], even),
        lambda v: _sum(turns, v, even),
        raised,
    )
    steep = (-1.0 if even else 1.0) * np.arange(1, levels.shape[1] + 1)
    return _gliding(turns, levels, even), louder + 2.0 * jnp.pi * turned * _sum(turns, levels * steep, not even)


def gliding_harmonics(
    turns: Float[Array, " t"], levels: Float[Array, "frames k"], hop: int, even: bool = False
) -> Float[Array, " t"]:
    r"""$\sum_k a_k(n) \sin 2\pi k \varphi_n$ at any phase `turns`, in cycles, $a_k$ straight between `levels` every
    `hop` samples; of cosines where `even`. What is beyond Nyquist is faded out by `audible(k * f0_hz, sr)` in `levels`.
    """
    padded = jnp.pad(turns, (0, (levels.shape[0] - 1) * hop - turns.shape[0]))
    return _gliding(padded.reshape(-1, hop), levels, even).reshape(-1)[: turns.shape[0]]
