"""Gain in decibels."""

from dataclasses import dataclass

import numpy as np

from .._block import Audio, Block, Context, Values
from .._param import Param
from ..dsp.levels import amplitude, decibels


@dataclass(frozen=True)
class Gain(Block):
    r"""Level, $y = 10^{g / 20} x$."""

    params = (Param("gain_db", -60.0, 24.0, default=0.0, unit="dB", automatable=True),)

    memoryless = linear = True

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        return amplitude(p["gain_db"]) * x

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        return y / amplitude(p["gain_db"])

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The least-squares gain."""
        energy = np.sum(np.square(source))
        if energy == 0.0:
            return []
        best = abs(np.sum(source * reference)) / energy
        return [{"gain_db": float(np.clip(decibels(best), -60.0, 24.0))}]
