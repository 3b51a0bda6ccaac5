"""Wavefolder: what goes over the top comes down again."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Values
from .._param import Param
from .._shaper import CurveShaper
from ..dsp.antiderivative import sine_mean
from ..dsp.levels import amplitude


@dataclass(frozen=True)
class Wavefolder(CurveShaper):
    r"""$y = \sin(g x + b) - \sin b$ with $g = 10^{d / 20}$: the harmonics of a sine are Bessel functions of the drive.

    The bias $b$ in radians adds even harmonics. `oversample` and `adaa` keep what lies above Nyquist from folding
    back: the first runs the curve at a multiple of the sample rate, 64 samples late, the second averages it from
    sample to sample.

    References: Le Brun, "Digital waveshaping synthesis", JAES 27(4), 1979; Esqueda, Pöntynen, Parker, Bilbao, "Virtual
    analog models of the Lockhart and Serge wavefolders", Applied Sciences 7(12), 2017.
    """

    adaa: bool = False

    params = (
        Param("drive_db", 0.0, 30.0, default=12.0, unit="dB", automatable=True),
        Param("bias", -1.0, 1.0, default=0.0, unit="rad"),
    )
    grid = {"drive_db": np.linspace(0.0, 30.0, 61), "bias": np.linspace(-1.0, 1.0, 9)}

    def shape(self, p: Values, x: Audio) -> Audio:
        return jnp.sin(amplitude(p["drive_db"]) * x + p["bias"]) - jnp.sin(p["bias"])

    def mean(self, p: Values, a: Audio, b: Audio) -> Audio:
        gain, bias = amplitude(p["drive_db"]), p["bias"]
        return sine_mean(gain * a + bias, gain * b + bias) - jnp.sin(bias)
