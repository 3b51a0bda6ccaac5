"""Delays: by whole samples through a history, and fractional ones with feedback."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float, Int

DARKEST = 0.05  # a loop may lose 26 dB at Nyquist in one turn, no more: a weak one would else stop all but bass
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


def _echo(line: Float[Array, " n"], first: Int[Array, ""], size: int, c: Float[Array, "4"]) -> Float[Array, " t"]:
    """`size` outputs of the interpolation, the first from the four samples at `first` on."""
    past = lax.dynamic_slice(line, (first,), (size + 3,))
    return c[0] * past[3:] + c[1] * past[2:-1] + c[2] * past[1:-2] + c[3] * past[:-3]


def _in_tiles(u: Float[Array, " t"], at: Tap, longest: int) -> Float[Array, " t"]:
    """Solve $w = u + G w$ forwards, tile by tile: a tile never needs what it is itself computing.

    The delay is an ordinary traced number: the tile advances by at most `whole` samples, and what it wrote beyond
    that is overwritten by the next one.
    """
    samples, lead = u.shape[0], longest + 3
    advance = jnp.minimum(at.whole, TILE)
    padded = jnp.pad(u, (0, TILE))

    def tile(carry):
        n, line = carry
        w = lax.dynamic_slice(padded, (n,), (TILE,)) + _echo(line, lead + n - at.whole - 3, TILE, at.coefficients)
        return n + advance, lax.dynamic_update_slice(line, w, (lead + n,))

    line = jnp.zeros(lead + samples + TILE, u.dtype)
    return lax.while_loop(lambda carry: carry[0] < samples, tile, (jnp.int32(0), line))[1][lead : lead + samples]


def _by_sample(u: Float[Array, " t"], pole: Float[Array, ""], at: Tap, longest: int) -> Float[Array, " t"]:
    """The same with $p\\,w_{n-1}$ added, one sample a turn: on a CPU one native loop of a few nanoseconds a turn."""
    lead, row = longest + 3, at.coefficients[::-1]

    def sample(n, line):
        past = lax.dynamic_slice(line, (lead + n - at.whole - 3,), (4,))
        w = u[n] + pole * line[lead + n - 1] + jnp.sum(row * past)
        return lax.dynamic_update_slice(line, w[None], (lead + n,))

    return lax.fori_loop(0, u.shape[0], sample, jnp.zeros(lead + u.shape[0], u.dtype))[lead:]


def _evenly(
    u: Float[Array, " t"], pole: Float[Array, ""] | None, at: Tap, longest: int, shortest: int
) -> Float[Array, " t"]:
    """The same in tiles of one length, which no delay undercuts: a GPU pays for each step, however short the tile, and
    a loop of known length can be planned. In a tile the pole doubles its reach at each step."""
    samples, lead = u.shape[0], longest + 3
    size = max(1, shortest - 1)
    count = -(-samples // size)
    padded = jnp.pad(u, (0, count * size - samples))

    def tile(k, line):
        n = k * size
        w = lax.dynamic_slice(padded, (n,), (size,)) + _echo(line, lead + n - at.whole - 3, size, at.coefficients)
        if pole is not None:
            w, power = w.at[0].add(pole * line[lead + n - 1]), pole
            for reach in (1 << i for i in range((size - 1).bit_length())):
                w, power = w + power * jnp.pad(w[:-reach], (reach, 0)), power * power
        return lax.dynamic_update_slice(line, w, (lead + n,))

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
    `x` and the echoes alone.
    """
    at = tap(jnp.maximum(delay_samples, shortest), history.shape[0] - 3)
    return _loop(x, feedback, None, at, history, shortest)


def damping_pole(gain: Float[Array, ""], damping: Float[Array, ""]) -> Float[Array, ""]:
    r"""The pole $(1 - r) / (1 + r)$ of the low-pass with which a loop of that gain decays $\alpha = 1 - 0.9\,$`damping`
    times as long at Nyquist: $g r = g^{1 / \alpha}$."""
    longer = 1.0 / (1.0 - 0.9 * damping) - 1.0
    at_nyquist = jnp.maximum(jnp.maximum(gain, DARKEST) ** longer, DARKEST)
    return (1.0 - at_nyquist) / (1.0 + at_nyquist)


def damped_feedback_delay(
    x: Float[Array, " t"],
    delay_samples: Float[Array, ""],
    feedback: Float[Array, ""],
    pole: Float[Array, ""],
    state: tuple[Float[Array, " h"], Float[Array, ""]],
    shortest: int = 2,
) -> tuple[tuple[Float[Array, " h"], Float[Array, ""]], Float[Array, " t"]]:
    r"""The same with a one-pole low-pass in the loop: $w_n = x_n + v_n$, $v_n = p\,v_{n-1} + (1 - p)\,g\,(D w)_n$.

    The state is the history and the last $x$. Eliminating $v$ leaves $w_n - p\,w_{n-1} - (1 - p)\,g\,(D w)_n = x_n -
    p\,x_{n-1}$. Where nothing is damped a CPU runs the loop of `feedback_delay`, many times as fast.
    """
    history, last = state
    at = tap(jnp.maximum(delay_samples, shortest), history.shape[0] - 3)
    drive = x - pole * jnp.concatenate([last[None], x[:-1]])
    history, echoes = _loop(drive, (1.0 - pole) * feedback, pole, at, history, shortest)
    return (history, x[-1]), echoes


def _loop(
    u: Float[Array, " t"],
    gain: Float[Array, ""],
    pole: Float[Array, ""] | None,
    at: Tap,
    history: Float[Array, " h"],
    shortest: int,
) -> tuple[Float[Array, " h"], Float[Array, " t"]]:
    """$w_n = u_n + p\\,w_{n-1} + g\\,(D w)_n$, a linear system: `custom_linear_solve` derives both directions from the
    (cheap, differentiable) residual; the adjoint is the same loop run backwards. The solvers know the past as zero."""
    samples, longest = u.shape[0], history.shape[0] - 3

    def echo(w):
        return read(jnp.concatenate([history, w]), at, samples)

    def residual(w):
        left = w - gain * read(jnp.pad(w, (history.shape[0], 0)), at, samples)
        return left if pole is None else left - pole * jnp.pad(w[:-1], (1, 0))

    before = gain * echo(jnp.zeros_like(u))
    known = u + before if pole is None else (u + before).at[0].add(pole * history[-1])
    fixed, held = lax.stop_gradient((Tap(at.whole, gain * at.coefficients), pole))

    def here(u, pole, at):
        if pole is None:
            return _in_tiles(u, at, longest)
        plain, damped = (partial(f, longest=longest) for f in (_in_tiles, _by_sample))
        return lax.cond(pole == 0.0, lambda *a: plain(a[0], a[2]), damped, u, pole, at)

    def solve(u):
        default = partial(_evenly, longest=longest, shortest=shortest)
        return lax.platform_dependent(u, held, fixed, cpu=sequential_vmap(here), default=default)

    w = lax.custom_linear_solve(
        residual, known, solve=lambda _, u: solve(u), transpose_solve=lambda _, u: solve(u[::-1])[::-1]
    )
    return jnp.concatenate([history, w])[samples:], echo(w)
