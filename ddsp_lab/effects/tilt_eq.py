"""Tilt equaliser: lows against highs about a pivot."""

from dataclasses import dataclass

import jax.numpy as jnp

from .._block import Audio, Context, Values
from .._param import Param
from ..dsp import svf
from ..dsp.levels import amplitude
from ._filter import Filter


@dataclass(frozen=True)
class TiltEq(Filter):
    r"""$H(s) = (A s + 1) / (s + A)$, $A = 10^{t / 40}$, $s = i \tan(\pi f / f_s) / \tan(\pi f_p / f_s)$.

    The tilt $t$ is the level of the highest over that of the lowest frequencies: half of it up there, half of it
    down here, 0 dB at the pivot.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 2.3 (first-order shelves).
    """

    params = (
        Param("tilt_db", -24.0, 24.0, default=0.0, unit="dB"),
        Param("pivot_hz", 100.0, 5000.0, default=800.0, unit="Hz", scale="log"),
    )
    states = 1

    def system(self, p: Values, sr: float) -> svf.StateSpace:
        a = amplitude(0.5 * p["tilt_db"])  # the pole is at s = -A
        return svf.first_order(svf.warp(p["pivot_hz"], sr) * a, a, 1.0 / a - a)

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        return self.apply(p | {"tilt_db": jnp.negative(p["tilt_db"])}, y, ctx)
