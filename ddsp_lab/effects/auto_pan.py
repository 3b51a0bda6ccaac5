"""Auto-pan: a place that wanders between left and right."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Block, Context, Values
from ..dsp import lfo
from ..dsp.lfo_fit import gain_curves, within


@dataclass(frozen=True)
class AutoPan(Block):
    r"""$y_1 = \sqrt 2 \cos\theta\,x_1$, $y_2 = \sqrt 2 \sin\theta\,x_2$ with $\theta = \tfrac\pi4 (1 + d\,l(t))$.

    $l$ is an LFO and $d$ the depth. The power of both sides together stays the same. One channel becomes two, of its
    power together; channels beyond the second pass.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 5.3.
    """

    params = (lfo.RATE, replace(lfo.DEPTH, default=1.0, automatable=True), lfo.SHAPE, lfo.PHASE)

    memoryless = linear = True
    time_invariant = False

    def channels_out(self, channels: int) -> int:
        return max(channels, 2)

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        wave = lfo.wave(lfo.cycles(p["rate_hz"], p["phase"], ctx, x.shape[1]), p["shape"])
        sides = jnp.sin(0.25 * jnp.pi * (1.0 + p["depth"] * wave * np.array([[-1.0], [1.0]], np.float32)))
        if x.shape[0] == 1:
            return sides * x
        return jnp.concatenate([np.sqrt(2.0) * sides * x[:2], x[2:]])

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The LFOs that explain the level of the right side over time, which rises with them."""
        x = np.broadcast_to(source[:1], reference[:1].shape) if len(source) == 1 else source[1:2]
        level = 1.0 if len(source) > 1 else np.sqrt(0.5)
        guesses = []
        for sweep in gain_curves(x, reference[1:2], ctx.sr):
            least = np.clip((sweep.centre - sweep.swing) / (np.sqrt(2.0) * level), 0.0, np.sqrt(0.5))
            guesses.append(within(self.params, sweep, {"depth": 1.0 - 4.0 / np.pi * np.arcsin(least)}))
        return guesses
