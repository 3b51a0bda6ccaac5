"""Fuzz: hard exponential saturation and an octave up."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Values
from .._param import Param
from .._shaper import CurveShaper
from ..dsp.levels import amplitude


@dataclass(frozen=True)
class Fuzz(CurveShaper):
    r"""$y = (1 - o)\,s + o\,|s|$, $s = f(g x + b) - f(b)$ with $f(v) = \mathrm{sign}(v)\,(1 - e^{-|v|})$.

    The bias $b$ adds even harmonics, the octave $o$ rectifies, which doubles the frequency.
    With `oversample` above 1 the curve runs at that multiple of the sample rate, 64 samples late.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 4.3.3.
    """

    params = (
        Param("drive_db", 0.0, 60.0, default=30.0, unit="dB", automatable=True),
        Param("bias", 0.0, 1.0, default=0.2),
        Param("octave", 0.0, 1.0, default=0.0, affine=True),
    )
    grid = {
        "drive_db": np.linspace(0.0, 60.0, 31),
        "bias": np.linspace(0.0, 1.0, 6),
        "octave": np.linspace(0.0, 1.0, 6),
    }

    def shape(self, p: Values, x: Audio) -> Audio:
        s = _saturated(amplitude(p["drive_db"]) * x + p["bias"]) - _saturated(p["bias"])
        return s + p["octave"] * (jnp.abs(s) - s)


def _saturated(v: Audio) -> Audio:
    """Written so that its slope at zero is one."""
    return jnp.expm1(jnp.minimum(v, 0.0)) - jnp.expm1(-jnp.maximum(v, 0.0))
