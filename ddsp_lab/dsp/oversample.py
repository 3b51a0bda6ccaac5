"""Run a function at a multiple of the sample rate, so that what it adds above Nyquist does not fold back."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.signal import firwin

from .delay_line import late
from .state_space import matmul

HALF = 32  # half the length of each interpolation filter in samples at the base rate, and a block of the products
BETA = 9.0  # Kaiser window: 90 dB of stop band, flat to 0.44 of the sample rate
LATENCY = 2 * HALF


class History(NamedTuple):
    """The samples before a piece, at both rates."""

    base: Float[Array, "c h"]
    high: Float[Array, "c hm"]


def no_history(channels: int, factor: int, channels_out: int | None = None) -> History:
    out = channels if channels_out is None else channels_out
    return History(jnp.zeros((channels, LATENCY)), jnp.zeros((out, LATENCY * factor)))


@cache
def _matrices(factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Up: (2 blocks, block * factor), down: (2 blocks * factor, block); linear-phase Kaiser low-passes as products.

    Reference: Crochiere, Rabiner, "Multirate Digital Signal Processing", Prentice-Hall, 1983, section 3.3 (polyphase).
    """
    block = LATENCY
    h = firwin(2 * HALF * factor + 1, 1.0 / factor, window=("kaiser", BETA))
    up = np.zeros((2 * block, block * factor))
    down = np.zeros((2 * block * factor, block))
    for i in range(2 * block):
        tap = np.arange(block * factor) - (i - block) * factor
        inside = (tap >= 0) & (tap < h.size)
        up[i, inside] = factor * h[tap[inside]]
    for n in range(block):
        tap = (n + block) * factor - np.arange(2 * block * factor)
        inside = (tap >= 0) & (tap < h.size)
        down[inside, n] = h[tap[inside]]
    return up, down


def _filter(before: Float[Array, "c h"], x: Float[Array, "c t"], matrix: np.ndarray) -> Float[Array, "c s"]:
    """Each block of `x` together with the block before it, times `matrix`."""
    block = matrix.shape[0] // 2
    channels, samples = x.shape
    line = jnp.concatenate([before, jnp.pad(x, ((0, 0), (0, -samples % block)))], axis=1)
    blocks = line.reshape(channels, -1, block)
    pairs = jnp.concatenate([blocks[:, :-1], blocks[:, 1:]], axis=2)
    return matmul(pairs, jnp.asarray(matrix, x.dtype)).reshape(channels, -1)


def stepped(
    step: Callable[[Any, Float[Array, "c s"]], tuple[Any, Float[Array, "d s"]]],
    state: tuple[History, Any],
    x: Float[Array, "c t"],
    factor: int,
) -> tuple[tuple[History, Any], Float[Array, "d t"]]:
    """`step`, which carries a state of its own, run at `factor` times the rate, `LATENCY` samples late."""
    up, down = _matrices(factor)
    samples = x.shape[1]
    (base, high_before), inner = state
    base, high_before = base.astype(x.dtype), high_before.astype(x.dtype)
    inner, high = step(inner, _filter(base, x, up)[:, : samples * factor])
    y = _filter(high_before, high, down)[:, :samples]
    return (History(late(base, x)[0], late(high_before, high)[0]), inner), y


def oversampled(
    shape: Callable[[Float[Array, "c s"]], Float[Array, "c s"]],
    x: Float[Array, "c t"],
    history: History,
    factor: int,
) -> tuple[History, Float[Array, "c t"]]:
    """`shape(x)`, without memory, computed at `factor` times the rate, `LATENCY` samples late."""
    (history, _), y = stepped(lambda _, v: ((), shape(v)), (history, ()), x, factor)
    return history, y


def interpolated(
    x: Float[Array, "c t"], before: Float[Array, "c h"], factor: int
) -> tuple[Float[Array, "c h"], Float[Array, "c s"]]:
    """`x` at `factor` times the rate, `HALF` samples late; `before` are the `LATENCY` samples before it."""
    high = _filter(before.astype(x.dtype), x, _matrices(factor)[0])[:, : x.shape[1] * factor]
    return late(before, x)[0], high
