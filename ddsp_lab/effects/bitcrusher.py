"""Bitcrusher: fewer bits and fewer samples."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param

TURN = 2.0**32  # of the phase, which wraps as a whole number and so never drifts
LARGEST = TURN - 2.0**8  # the last float32 below it


@dataclass(frozen=True)
class Bitcrusher(StreamingBlock):
    r"""Samples are held at `rate_hz`, then rounded to steps of $\Delta = 2^{1 - b}$; aliases are the point of it.

    Rounding and holding are flat or jump, so their derivatives are those of what they do on the whole: $y = x + \Delta
    n$, with the rounding noise $n$ in steps held fixed (straight through in $x$, $n$ in $\Delta$), and $y_n = x(n -
    \phi R)$, with the fraction $\phi$ of the holding time $R$ that has passed held fixed.

    References: Bengio, Léonard, Courville, "Estimating or propagating gradients through stochastic neurons", 2013;
    Esser et al., "Learned step size quantization", ICLR, 2020.
    """

    params = (
        Param("bits", 1.0, 16.0, default=8.0),
        Param("rate_hz", 800.0, 48_000.0, default=48_000.0, unit="Hz", scale="log"),
    )
    time_invariant = False
    surrogate_gradient = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, 1)), jnp.zeros((), jnp.uint32)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        held, phase = state
        kept = jnp.minimum(p["rate_hz"] / ctx.sr, 1.0)  # of all samples
        advance = jnp.minimum(lax.stop_gradient(kept) * TURN, LARGEST).astype(jnp.uint32)
        n = jnp.arange(x.shape[1], dtype=jnp.uint32)
        now = phase + n * advance
        known = jnp.concatenate([held.astype(x.dtype), x], axis=1)
        since = jnp.where(kept < 1.0, now // advance, 0)  # how many samples it has been held
        at = jnp.maximum(n.astype(jnp.int32) - since.astype(jnp.int32), -1) + 1
        y = known[:, at]
        state = y[:, -1:], phase + jnp.uint32(x.shape[1]) * advance
        passed = (now.astype(x.dtype) / TURN).astype(x.dtype)
        slope = lax.stop_gradient(y - known[:, jnp.maximum(at - 1, 0)])
        y = y - slope * _gradient_only(passed / kept)
        size = jnp.exp2(1.0 - p["bits"])
        noise = lax.stop_gradient(jnp.round(y / size) - y / size)
        return state, lax.stop_gradient(size * jnp.round(y / size)) + _gradient_only(y + size * noise)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Bits from the smallest step between values, the rate from how often they change beyond what rounding does."""
        bits, rate = self.params
        levels = np.unique(reference)
        if levels.size < 3 or np.ptp(source) == 0.0:
            return []
        steps = np.diff(levels)
        size = float(np.median(steps[steps > 1e-6])) if (steps > 1e-6).any() else 2.0**-15
        crushed = size * np.round(source / size)
        changes, expected = (float(np.mean(np.diff(s) != 0.0)) for s in (reference, crushed))
        kept = ctx.sr * changes / max(expected, 1e-9) if changes < 0.95 * expected else rate.high
        return [
            {
                "bits": float(np.clip(1.0 - np.log2(size), bits.low, bits.high)),
                "rate_hz": float(np.clip(kept, rate.low, rate.high)),
            }
        ]


def _gradient_only(v: Audio) -> Audio:
    """Zero, with the gradient of `v`."""
    return v - lax.stop_gradient(v)
