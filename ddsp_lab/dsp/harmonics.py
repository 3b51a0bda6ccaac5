"""Sums of partials whose levels move: of a steady pitch, stretched or not, and of one that glides."""

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from .linear_map import linear_map
from .modal import audible, sine_tables, times
from .trig import cosine, sine

PIECE, UNROLL = 128, 4  # frames; harmonics
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


def _in_pieces(f: Callable[..., Array], *frames: Float[Array, "f ..."]) -> Array:
    """`f` of `PIECE` frames at a time, and what it gives for each: what is worked on stays in the cache."""
    count = frames[0].shape[0]
    size = min(PIECE, count)
    padded = (jnp.pad(v, ((0, -count % size), *((0, 0),) * (v.ndim - 1))) for v in frames)
    found = lax.map(lambda piece: f(*piece), tuple(v.reshape(-1, size, *v.shape[1:]) for v in padded))
    return found.reshape(-1, *found.shape[2:])[:count]


def _several(turns: Float[Array, "f hop"], first: Int[Array, ""], even: bool) -> Iterator[Array]:
    r"""$\sin k\theta$ from $k$ = `first` on, or the cosines (even): $s_{k+1} = 2 \cos\theta\,s_k - s_{k-1}$."""
    wave, double = cosine if even else sine, 2.0 * cosine(turns)
    before, now = wave((first - 1) * turns), wave(first * turns)
    while True:
        yield now
        before, now = now, double * now - before


def _sum(turns: Float[Array, "f hop"], levels: Float[Array, "f+1 k"], even: bool) -> Float[Array, "f hop"]:
    r"""$\sum_k a_k \sin k\theta$, or of cosines, several harmonics in one pass over the samples."""
    later, few = _later(turns.shape[1]), min(AT_ONCE, levels.shape[1])

    def rows(levels: Array) -> Array:
        return jnp.pad(levels.T, ((0, -levels.shape[1] % few), (0, 0))).reshape(-1, few, levels.shape[0])

    def some(turns: Array, begin: Array, end: Array) -> Array:
        def together(given: tuple[Array, Array, Array]) -> Array:
            first, begin, end = given
            waves = zip(begin, end, _several(turns, first, even), strict=False)
            return sum(((a[:, None] + later * (b - a)[:, None]) * now for a, b, now in waves), jnp.zeros_like(turns))

        begin, end = rows(begin), rows(end)
        firsts = few * jnp.arange(begin.shape[0]) + 1
        return jnp.sum(lax.map(together, (firsts, begin, end)), axis=0)

    return _in_pieces(some, turns, levels[:-1], levels[1:])


def _correlated(
    turns: Float[Array, "f hop"], heard: Float[Array, "f hop"], count: int, even: bool
) -> Float[Array, "f+1 k"]:
    """The transpose of `_sum` in `levels`. Harmonic by harmonic: nothing is kept, and a sine is a product."""
    wave, later = cosine if even else sine, _later(turns.shape[1])

    def some(turns: Array, heard: Array) -> Array:
        shares, double = (heard * (1.0 - later), heard * later), 2.0 * cosine(turns)

        def harmonic(recent: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
            before, now = recent
            return (now, double * now - before), jnp.stack([jnp.sum(share * now, axis=1) for share in shares])

        start = wave(0.0 * turns), wave(turns)
        return jnp.moveaxis(lax.scan(harmonic, start, None, length=count, unroll=UNROLL)[1], 2, 0)

    left, right = jnp.moveaxis(_in_pieces(some, turns, heard), 2, 0)
    return jnp.pad(left, ((0, 1), (0, 0))) + jnp.pad(right, ((1, 0), (0, 0)))


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
