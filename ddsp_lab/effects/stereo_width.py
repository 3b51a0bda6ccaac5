"""Stereo width: more or less of what differs between left and right."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Block, Context, Values
from .._param import Param


@dataclass(frozen=True)
class StereoWidth(Block):
    r"""Mid and side, $m = (x_1 + x_2) / 2$, $s = (x_1 - x_2) / 2$: $y_1 = m + w s$, $y_2 = m - w s$.

    A width of 0 is mono, 1 leaves all as it is, 2 doubles the side. One channel passes, as do those beyond two.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 5.8.
    """

    params = (Param("width", 0.0, 2.0, default=1.0, affine=True, automatable=True),)

    memoryless = linear = couples_channels = True

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        return _widened(p["width"], x)

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        return _widened(1.0 / p["width"], y)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The gain of the side over that of the middle, each by least squares."""
        if min(source.shape[0], reference.shape[0]) < 2:
            return []
        (m, s), (wanted_m, wanted_s) = ((x[0] + x[1], x[0] - x[1]) for x in (source, reference))
        middle, side = m @ wanted_m / (m @ m + 1e-30), s @ wanted_s / (s @ s + 1e-30)
        return [{"width": float(np.clip(side / middle, 0.0, 2.0))}] if middle else []


def _widened(width: Audio, x: Audio) -> Audio:
    if x.shape[0] == 1:
        return x
    middle, side = 0.5 * (x[0] + x[1]), 0.5 * width * (x[0] - x[1])
    return jnp.concatenate([jnp.stack([middle + side, middle - side]), x[2:]])
