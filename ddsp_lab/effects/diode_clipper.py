"""Diode clipper: a low-pass whose capacitor two diodes short-circuit."""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from .._block import Audio, Context, State, Values
from .._param import Param
from .._shaper import Shaper
from ..dsp import svf
from ..dsp.diode import diode_pair
from ..dsp.levels import amplitude

LEAK = 2.0 * 2200.0 * 2.52e-9 / 0.0453  # 2 R I_s / V_t of a silicon pair behind 2.2 kOhm
SHARPNESS = 12.0  # forward voltage over V_t, at 1 V across the resistor


@dataclass(frozen=True)
class DiodeClipper(Shaper):
    r"""$RC\,\dot v = g x - v - 2 R I_s \sinh(v / V_t)$, $v$ the voltage over the diodes, samples in volts.

    The resistor and the capacitor, $f_c = 1 / (2 \pi R C)$, are integrated by the trapezoidal rule, the diodes by the
    backward one, which does not ring where they are stiff; each sample solves $z + b \sinh z = q$ for $z = v / V_t$.
    The forward voltage is 12 $V_t$ (0.3 V germanium, 0.6 silicon, 1.7 a red light); the leak $2 R I_s / V_t$ is fixed.

    Reference: Yeh, Abel, Smith, "Simplified, physically-informed models of distortion and overdrive guitar effects
    pedals", DAFx, 2007.
    """

    oversample: Literal[1, 2, 4, 8] = 2

    params = (
        Param("drive_db", 0.0, 40.0, default=20.0, unit="dB", automatable=True),
        Param("cutoff_hz", 200.0, 20_000.0, default=7000.0, unit="Hz", scale="log"),
        Param("forward_v", 0.1, 2.0, default=0.55, unit="V", scale="log"),
    )
    sequential = True

    def begin(self, channels: int, ctx: Context) -> State:
        return jnp.zeros(channels), jnp.zeros((channels, 1))

    def bend(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        z, before = (s.astype(x.dtype) for s in state)
        volt = p["forward_v"] / SHARPNESS
        gamma = svf.warp(p["cutoff_hz"], ctx.sr)
        scale = 1.0 / (1.0 + gamma)
        pushed = amplitude(p["drive_db"]) / volt * x
        fed = gamma * scale * (pushed + jnp.concatenate([before, pushed[:, :-1]], axis=1))
        z = jax.vmap(diode_pair, (0, None, None, 0))(fed, (1.0 - gamma) * scale, 2.0 * LEAK * gamma * scale, z)
        return (z[:, -1], pushed[:, -1:]), volt * z
