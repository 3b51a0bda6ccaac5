"""Tremolo: a slow change of level."""

from dataclasses import dataclass, replace

import numpy as np

from .._block import Audio, Block, Context, Values
from ..dsp import lfo
from ..dsp.lfo_fit import gain_curves


@dataclass(frozen=True)
class Tremolo(Block):
    r"""$y_n = x_n\,(1 - \tfrac d2 (1 - l_n))$, $l$ an LFO between -1 and 1: the level falls to $1 - d$ at its lowest.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 3.3.
    """

    params = (replace(lfo.RATE, default=5.0), replace(lfo.DEPTH, automatable=True), lfo.SHAPE, lfo.PHASE)

    memoryless = linear = True
    time_invariant = False

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        wave = lfo.wave(lfo.cycles(p["rate_hz"], p["phase"], ctx, x.shape[1]), p["shape"])
        return x * (1.0 - 0.5 * p["depth"] * (1.0 - wave))

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The LFOs that explain the gain over time best."""
        return [
            {k: getattr(g, k) for k in ("rate_hz", "shape", "phase")}
            | {"depth": float(np.clip(2.0 * g.swing / (g.centre + g.swing + 1e-12), 0.0, 1.0))}
            for g in gain_curves(source, reference, ctx.sr)
        ]
