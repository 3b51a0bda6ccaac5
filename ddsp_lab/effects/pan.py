"""Pan: a place between left and right at equal power."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Block, Context, Values
from .._param import Param


@dataclass(frozen=True)
class Pan(Block):
    r"""Equal-power panning, $l = \cos\theta$, $r = \sin\theta$, $\theta = (1 + \text{position})\,\pi / 4$.

    One channel becomes two, $(l x, r x)$, of the same power together. Two are balanced, $(\sqrt 2\, l\, x_1, \sqrt 2\,
    r\, x_2)$: as they were in the middle, 3 dB louder on the one side where the other is gone. Further channels pass.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 5.3.
    """

    params = (Param("position", -1.0, 1.0, default=0.0, automatable=True),)

    memoryless = linear = True

    def channels_out(self, channels: int) -> int:
        return max(channels, 2)

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        if x.shape[0] == 1:
            return _sides(p) * x
        return jnp.concatenate([np.sqrt(2.0) * _sides(p) * x[:2], x[2:]])

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        if x.shape[0] == 1:
            return jnp.sum(_sides(p) * y, axis=0, keepdims=True)
        return jnp.concatenate([y[:2] / (np.sqrt(2.0) * _sides(p)), y[2:]])

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """From the least-squares gains of the two sides."""
        x = np.broadcast_to(source[:2], (2, source.shape[1]))
        left, right = np.abs(np.sum(x * reference[:2], axis=1)) / (np.sum(np.square(x), axis=1) + 1e-30)
        if left + right == 0.0:
            return []
        return [{"position": float(np.clip(4.0 / np.pi * np.arctan2(right, left) - 1.0, -1.0, 1.0))}]


def _sides(p: Values) -> Audio:
    """Two sines, each exactly zero at its end."""
    return jnp.sin(0.25 * jnp.pi * (1.0 + p["position"] * np.array([[-1.0], [1.0]], np.float32)))
