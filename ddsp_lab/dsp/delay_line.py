"""Delays: by whole samples through a history, and fractional ones with feedback."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

TILE = 1024  # samples computed at once; wider wastes work on delays shorter than a tile


def late(history: Float[Array, "c h"], x: Float[Array, "c t"]) -> tuple[Float[Array, "c h"], Float[Array, "c t"]]:
    """Delay `x` by the length of `history`, the samples before it; returns the next history and the delayed piece."""
    joined = jnp.concatenate([history.astype(x.dtype), x], axis=1)
    return joined[:, x.shape[1] :], joined[:, : x.shape[1]]


class Tap(NamedTuple):
    """Where and how a delay line is read: `whole` samples back, then four Lagrange coefficients."""

    whole: Int[Array, ""]
    coefficients: Float[Array, "4"]


def tap(delay_samples: Float[Array, ""], longest: int) -> Tap:
    r"""Third-order Lagrange interpolation at a delay of 2 to `longest` samples.

    With $d = 1 + \mathrm{frac}$, $c_i = \prod_{j \ne i} (d - j) / (i - j)$ for $i, j = 0 \dots 3$. The four samples
    stand symmetrically about the delay, so the magnitude falls by less than 1 dB below 0.36 of the sample rate.

    Reference: Laakso, Välimäki, Karjalainen, Laine, "Splitting the unit delay", IEEE Signal Processing Magazine, 1996.
    """
    delay = jnp.clip(delay_samples, 2.0, longest)
    whole = lax.stop_gradient(jnp.minimum(jnp.floor(delay), longest - 1))
    d = 1.0 + delay - whole
    a, b, c = d - 1.0, d - 2.0, d - 3.0
    return Tap(
        whole.astype(jnp.int32) - 1, jnp.stack([-a * b * c / 6.0, d * b * c / 2.0, -d * a * c / 2.0, d * a * b / 6.0])
    )


def read(line: Float[Array, " n"], at: Tap, samples: int) -> Float[Array, " t"]:
    """The last `samples` of the line, delayed."""
    first = line.shape[0] - samples - at.whole
    return sum(c * lax.dynamic_slice(line, (first - i,), (samples,)) for i, c in enumerate(at.coefficients))  # pyright: ignore[reportReturnType]


def _substitute(u: Float[Array, " t"], feedback: Float[Array, ""], at: Tap, longest: int) -> Float[Array, " t"]:
    """Solve $w = u + g\\,D w$ forwards, tile by tile: a tile never needs what it is itself computing.

    The delay is an ordinary traced number: the tile advances by at most `whole` samples, and what it wrote beyond
    that is overwritten by the next one.
    """
    samples = u.shape[0]
    lead = longest + 3
    advance = jnp.minimum(at.whole, TILE)
    line = jnp.zeros(lead + samples + TILE, u.dtype)
    padded = jnp.pad(u, (0, TILE))
    c = at.coefficients

    def tile(carry):
        n, line = carry
        past = lax.dynamic_slice(line, (lead + n - at.whole - 3,), (TILE + 3,))
        echo = c[0] * past[3:] + c[1] * past[2:-1] + c[2] * past[1:-2] + c[3] * past[:-3]
        w = lax.dynamic_slice(padded, (n,), (TILE,)) + feedback * echo
        return n + advance, lax.dynamic_update_slice(line, w, (lead + n,))

    _, line = lax.while_loop(lambda carry: carry[0] < samples, tile, (jnp.int32(0), line))
    return line[lead : lead + samples]


def _substitute_evenly(
    u: Float[Array, " t"], feedback: Float[Array, ""], at: Tap, longest: int, shortest: int
) -> Float[Array, " t"]:
    """The same in tiles of one length, which no delay undercuts: a GPU pays for each step, however short the tile, and
    a loop of known length can be planned."""
    samples, lead = u.shape[0], longest + 3
    size = max(1, shortest - 1)
    count = -(-samples // size)
    padded = jnp.pad(u, (0, count * size - samples))
    c = at.coefficients

    def tile(k, line):
        n = k * size
        past = lax.dynamic_slice(line, (lead + n - at.whole - 3,), (size + 3,))
        echo = c[0] * past[3:] + c[1] * past[2:-1] + c[2] * past[1:-2] + c[3] * past[:-3]
        return lax.dynamic_update_slice(line, lax.dynamic_slice(padded, (n,), (size,)) + feedback * echo, (lead + n,))

    return lax.fori_loop(0, count, tile, jnp.zeros(lead + count * size, u.dtype))[lead : lead + samples]


def feedback_delay(
    x: Float[Array, " t"],
    delay_samples: Float[Array, ""],
    feedback: Float[Array, ""],
    history: Float[Array, " h"],
    shortest: int = 2,
) -> tuple[Float[Array, " h"], Float[Array, " t"]]:
    r"""Echoes: $w_n = x_n + g\,(D w)_n$, $y = D w$, with $D$ a fractional delay that may change from call to call.

    `history` holds the line's samples before `x` and bounds the delay to its length minus 3; it is never below
    `shortest`, from which the length of the loop follows that runs on GPUs and TPUs. Returns the history after
    `x` and the echoes alone. The recursion is a linear system, so `custom_linear_solve` derives both directions from
    the (cheap, differentiable) residual $w - g\,D w$; its adjoint is the same delay run backwards.
    """
    samples, longest = x.shape[0], history.shape[0] - 3
    at = tap(jnp.maximum(delay_samples, shortest), longest)

    def echo(w):
        return read(jnp.concatenate([history, w]), at, samples)

    before = feedback * echo(jnp.zeros_like(x))
    fixed, gain = Tap(at.whole, lax.stop_gradient(at.coefficients)), lax.stop_gradient(feedback)

    def solve(u):
        return lax.platform_dependent(
            u,
            gain,
            fixed,
            cpu=partial(_substitute, longest=longest),
            default=partial(_substitute_evenly, longest=longest, shortest=shortest),
        )

    def residual(w):
        return w - feedback * read(jnp.pad(w, (history.shape[0], 0)), at, samples)

    w = lax.custom_linear_solve(
        residual,
        x + before,
        solve=lambda _, u: solve(u),
        transpose_solve=lambda _, u: solve(u[::-1])[::-1],
    )
    return jnp.concatenate([history, w])[samples:], echo(w)
