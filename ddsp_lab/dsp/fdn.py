"""Feedback delay network: N delay lines, each with its own loss, mixed into one another."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


def one_pole(
    x: Float[Array, "n t"], pole: Float[Array, " n"], y0: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, "n t"]]:
    """$y_t = (1 - p) x_t + p\\,y_{t-1}$, one pole a row; returns the last sample and all."""

    def tick(y, v):
        y = v + pole * (y - v)
        return y, y

    last, y = lax.scan(tick, y0, x.T, unroll=4)
    return last, y.T


def householder(v: Float[Array, "n t"]) -> Float[Array, "n t"]:
    r"""$v - \frac{2}{N} \mathbf 1 \mathbf 1^T v$: orthogonal, its own transpose, two operations a sample."""
    return v - 2.0 / v.shape[0] * jnp.sum(v, axis=0, keepdims=True)


def _read(lines: Float[Array, "n h"], delays: tuple[int, ...], samples: int) -> Float[Array, "n t"]:
    """The last `samples` of each line, delayed by whole samples."""
    end = lines.shape[1]
    return jnp.stack([lines[i, end - samples - d : end - d] for i, d in enumerate(delays)])


def _substitute(
    u: Float[Array, "n t"], delays: tuple[int, ...], gain: Float[Array, " n"], pole: Float[Array, " n"]
) -> Float[Array, "n t"]:
    """Solve $w = u + M L w$ forwards, in blocks as long as the shortest line."""
    count, samples = u.shape
    block, longest = min(delays), max(delays)
    blocks = jnp.pad(u, ((0, 0), (0, -samples % block))).reshape(count, -1, block).swapaxes(0, 1)

    def tick(carry, piece):
        lines, damped = carry
        past = jnp.stack([lines[i, longest - d : longest - d + block] for i, d in enumerate(delays)])
        damped, v = one_pole(gain[:, None] * past, pole, damped)
        w = piece + householder(v)
        return (jnp.concatenate([lines, w], axis=1)[:, block:], damped), w

    start = (jnp.zeros((count, longest), u.dtype), jnp.zeros(count, u.dtype))
    return lax.scan(tick, start, blocks)[1].swapaxes(0, 1).reshape(count, -1)[:, :samples]


def network(
    u: Float[Array, "n t"],
    delays: tuple[int, ...],
    gain: Float[Array, " n"],
    pole: Float[Array, " n"],
    lines: Float[Array, "n h"],
    damped: Float[Array, " n"],
) -> tuple[tuple[Float[Array, "n h"], Float[Array, " n"]], Float[Array, "n t"]]:
    r"""Inject `u` into the lines; returns the state after it and what leaves the lines.

    $w = u + M v$, $v = L w$: row $i$ of $L$ is a delay of `delays[i]` samples, the loss `gain[i]` and a one-pole
    low-pass with `pole[i]`; $M$ is the Householder reflection. `lines` holds each line's samples before `u` (as many
    as the longest delay), `damped` the low-passes' last outputs.

    The recursion is the linear system $(I - M L) w = u$. Every row of $L$ run backwards is its own transpose and
    $(I - L M)^{-1} = I + L (I - M L)^{-1} M$, so the adjoint is this same network run backwards.

    Reference: Jot, Chaigne, "Digital delay networks for designing artificial reverberators", AES 90th Convention, 1991.
    """
    samples = u.shape[1]

    def out(w, before, damped):
        return one_pole(gain[:, None] * _read(jnp.concatenate([before, w], axis=1), delays, samples), pole, damped)

    silent, rest = jnp.zeros_like(lines), jnp.zeros_like(damped)
    from_before = householder(out(jnp.zeros_like(u), lines, damped)[1])
    fixed_gain, fixed_pole = lax.stop_gradient(gain), lax.stop_gradient(pole)

    def solve(_, b):
        return _substitute(b, delays, fixed_gain, fixed_pole)

    def transpose_solve(_, b):
        w = _substitute(householder(b)[:, ::-1], delays, fixed_gain, fixed_pole)
        back = one_pole(
            fixed_gain[:, None] * _read(jnp.concatenate([silent, w], axis=1), delays, samples), fixed_pole, rest
        )
        return b + back[1][:, ::-1]

    w = lax.custom_linear_solve(
        lambda w: w - householder(out(w, silent, rest)[1]), u + from_before, solve, transpose_solve
    )
    damped, v = out(w, lines, damped)
    return (jnp.concatenate([lines, w], axis=1)[:, samples:], damped), v


def line_lengths(longest: int, ratios: np.ndarray) -> tuple[int, ...]:
    """Line lengths near `longest * ratios`, the nearest distinct primes, so that no two lines ring together."""
    lengths: list[int] = []
    for wanted in np.maximum(2, np.round(longest * ratios)).astype(int).tolist():
        n = wanted
        while n in lengths or any(n % p == 0 for p in range(2, int(n**0.5) + 1)):
            n += 1
        lengths.append(n)
    return tuple(lengths)
