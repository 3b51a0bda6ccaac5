"""Soft clipping: an asymmetric tanh waveshaper."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Values
from .._param import Param
from .._shaper import CurveShaper
from ..dsp.antiderivative import tanh_mean
from ..dsp.levels import amplitude


@dataclass(frozen=True)
class SoftClip(CurveShaper):
    r"""Memoryless saturation, $y = \tanh(g x + b) - \tanh b$ with $g = 10^{d / 20}$.

    Odd harmonics come from the drive $d$, even ones from the bias $b$; subtracting $\tanh b$ keeps silence silent.
    With `oversample` above 1 the curve runs at that multiple of the sample rate, between linear-phase filters that
    make the block 64 samples late. With `adaa` it is averaged from sample to sample (half a sample late at that rate).

    References: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 4.3; Parker, Zavalishin,
    Le Bivic, "Reducing the aliasing of nonlinear waveshaping using continuous-time convolution", DAFx, 2016.
    """

    adaa: bool = False

    params = (
        Param("drive_db", 0.0, 40.0, default=12.0, unit="dB", automatable=True),
        Param("bias", -1.0, 1.0, default=0.0),
    )
    grid = {"drive_db": np.linspace(0.0, 40.0, 21), "bias": np.linspace(-0.9, 0.9, 7)}

    def shape(self, p: Values, x: Audio) -> Audio:
        return jnp.tanh(amplitude(p["drive_db"]) * x + p["bias"]) - jnp.tanh(p["bias"])

    def mean(self, p: Values, a: Audio, b: Audio) -> Audio:
        gain, bias = amplitude(p["drive_db"]), p["bias"]
        return tanh_mean(gain * a + bias, gain * b + bias) - jnp.tanh(bias)
