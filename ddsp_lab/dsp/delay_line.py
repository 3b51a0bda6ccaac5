"""Delays: by whole samples through a history, and by fractions of one."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


def late(history: Float[Array, "c h"], x: Float[Array, "c t"]) -> tuple[Float[Array, "c h"], Float[Array, "c t"]]:
    """Delay `x` by the length of `history`, the samples before it; returns the next history and the delayed piece."""
    joined = jnp.concatenate([history.astype(x.dtype), x], axis=1)
    return joined[:, x.shape[1] :], joined[:, : x.shape[1]]


class Tap(NamedTuple):
    """Where and how a delay line is read: `whole` samples back, then the coefficients of an interpolation."""

    whole: Int[Array, ""]
    coefficients: Float[Array, " taps"]


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


def interpolated(line: Float[Array, " n"], first: Int[Array, ""], samples: int, at: Tap) -> Float[Array, " t"]:
    """`samples` outputs of the interpolation, the first where `whole` samples back is `first`.

    One slice at a traced place and the others at fixed ones: turned round, those stay one loop.
    """
    more = at.coefficients.shape[0] - 1
    past = lax.dynamic_slice(line, (first - more,), (samples + more,))
    return sum(c * past[more - i : more - i + samples] for i, c in enumerate(at.coefficients))  # pyright: ignore[reportReturnType]


def read(line: Float[Array, " n"], at: Tap, samples: int) -> Float[Array, " t"]:
    """The last `samples` of the line, delayed."""
    return interpolated(line, line.shape[0] - samples - at.whole, samples, at)
