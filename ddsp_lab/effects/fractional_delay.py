"""Fractional delay: later by any fraction of a sample."""

from dataclasses import dataclass
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from scipy.fft import next_fast_len, rfft

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.delay_line import Tap, read
from ..dsp.echoes import impulse_response

TAPS, FEW = 8, 4  # from a delay of four samples on, and below
LONGEST_MS = 50.0
FLAT = 0.2  # of the sample rate: up to here the delay is the same at all frequencies


@dataclass(frozen=True)
class FractionalDelay(StreamingBlock):
    r"""$y(t) = x(t - d)$ by Lagrange interpolation, so that the delay has a gradient.

    $y_n = \sum_i c_i x_{n-m-i}$, $c_i = \prod_{j \ne i} (d - m - j) / (i - j)$, with $i, j = 0 \dots 7$ about the
    delay: the level falls by less than 0.7 dB below 0.3 of the sample rate. Below four samples, where there is no room
    before, $0 \dots 3$; the first sample is never turned round.

    Reference: Laakso, Välimäki, Karjalainen, Laine, "Splitting the unit delay", IEEE Signal Processing Magazine, 1996.
    """

    params = (Param("delay_ms", 0.0, LONGEST_MS, default=0.0, unit="ms"),)

    linear = True
    echoes = True  # it can be as late as an echo

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(1e-3 * LONGEST_MS * ctx.sr) + TAPS))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        samples = p["delay_ms"] * (1e-3 * ctx.sr)
        whole = lax.stop_gradient(jnp.floor(samples))
        first = jnp.where(whole < FEW, jnp.maximum(whole - 1.0, jnp.minimum(whole, 1.0)), whole - 3.0)
        few, many = (_lagrange(samples - first, taps) for taps in (FEW, TAPS))
        at = Tap(first.astype(jnp.int32), jnp.where(whole < FEW, jnp.pad(few, (0, TAPS - FEW)), many))
        line = jnp.concatenate([state.astype(x.dtype), x], axis=1)
        return line[:, x.shape[1] :], jax.vmap(lambda v: read(v, at, x.shape[1]))(line)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The highest sample of the impulse response between the recordings, then the slope of the phase left over."""
        longest = ceil(1e-3 * LONGEST_MS * ctx.sr)
        h = impulse_response(source, reference, longest + 1)
        peak = int(np.argmax(np.abs(h)))
        if h[peak] == 0.0:
            return []
        size = next_fast_len(source.shape[1] + longest, real=True)
        turn = 2.0 * np.pi * np.arange(int(FLAT * size)) / size
        x, y = (rfft(np.asarray(v, np.float64), size)[:, : turn.size] for v in (source, reference))
        cross = np.sum(np.conj(x) * y, axis=0) * np.exp(1j * turn * peak) * np.sign(h[peak])
        weight = np.abs(cross) * turn
        late = peak - np.sum(weight * np.angle(cross)) / (np.sum(weight * turn) + 1e-300)
        return [{"delay_ms": float(np.clip(1e3 * late / ctx.sr, 0.0, LONGEST_MS))}]


def _lagrange(d: Float[Array, ""], taps: int) -> Float[Array, " taps"]:
    i = np.arange(taps)
    others = ~np.eye(taps, dtype=bool)
    scale = np.prod(np.where(others, i[:, None] - i, 1), axis=1)
    return jnp.prod(jnp.where(others, d - i, 1.0), axis=1) / scale
