"""Hard clipping at a threshold."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, Values
from .._param import Param
from .._shaper import KEPT, CurveShaper
from ..dsp.antiderivative import clip_mean
from ..dsp.levels import amplitude, decibels
from ..dsp.transfer_curve import mean_curve, nearest


@dataclass(frozen=True)
class HardClip(CurveShaper):
    r"""$y = \max(-c, \min(c, g x))$ with the drive $g$ and the threshold $c$, both from decibels.

    `oversample` and `adaa` keep the corners' harmonics from folding back: the first runs the curve at a multiple of
    the sample rate, 64 samples late, the second averages it from sample to sample.

    References: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 4.3; Parker, Zavalishin,
    Le Bivic, "Reducing the aliasing of nonlinear waveshaping using continuous-time convolution", DAFx, 2016.
    """

    adaa: bool = False

    params = (
        Param("drive_db", 0.0, 40.0, default=12.0, unit="dB", automatable=True),
        Param("threshold_db", -40.0, 0.0, default=-6.0, unit="dB"),
    )

    def shape(self, p: Values, x: Audio) -> Audio:
        ceiling = amplitude(p["threshold_db"])
        return jnp.clip(amplitude(p["drive_db"]) * x, -ceiling, ceiling)

    def mean(self, p: Values, a: Audio, b: Audio) -> Audio:
        ceiling = amplitude(p["threshold_db"])
        gain = amplitude(p["drive_db"]) / ceiling
        return ceiling * clip_mean(gain * a, gain * b)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The curve says at which input it bends; its gain, which is part of the block, says the rest."""
        x, y = mean_curve(source, reference)
        if x.size < 8:
            return []
        corners = np.abs(x).max() * np.geomspace(0.01, 1.0, 41)
        best, gains = nearest(np.clip(x, -corners[:, None], corners[:, None]), y, KEPT)
        drive, threshold = self.params
        return [
            {
                "drive_db": float(np.clip(decibels(g), drive.low, drive.high)),
                "threshold_db": float(np.clip(decibels(g * c), threshold.low, threshold.high)),
            }
            for g, c in zip(gains, corners[best], strict=True)
        ]
