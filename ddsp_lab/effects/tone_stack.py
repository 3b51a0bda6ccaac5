"""Tone stack: the passive bass, middle and treble of a guitar amplifier."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from .._block import Values
from .._param import Param
from ..dsp import svf
from ._filter import Filter

BASS_TAPER = 3.4  # nepers that a logarithmic potentiometer spans


class Parts(NamedTuple):
    """Treble, bass and middle potentiometers and the slope resistor in ohms; the three capacitors in farads."""

    treble: float
    bass: float
    mid: float
    slope: float
    c: tuple[float, float, float]


MODELS = {
    "bassman": Parts(250e3, 1e6, 25e3, 56e3, (250e-12, 20e-9, 20e-9)),
    "american": Parts(250e3, 250e3, 10e3, 100e3, (250e-12, 100e-9, 47e-9)),
    "british": Parts(220e3, 1e6, 22e3, 33e3, (470e-12, 22e-9, 22e-9)),
}


@dataclass(frozen=True)
class ToneStack(Filter):
    r"""The network of three capacitors between the stages of a guitar amplifier, unloaded, trapezoidal rule.

    With $V$ the capacitors' voltages, $I = C \dot V$ their currents and $R$ the resistances of the loops through
    them, $R I = x - V$; $R$ is a sum over the resistors of $r\, l l^T$, $l$ the loops that a resistor stands in. The
    output is the wiper of the treble potentiometer, $x - V_1 - (1 - t) R_t I_1$. Bass is logarithmic, $e^{3.4 (b -
    1)}$ of its potentiometer. `model` says whose parts: a 1959 Bassman's, an American amplifier's of the sixties, a
    British one's.

    Reference: Yeh, Smith, "Discretization of the '59 Fender Bassman tone stack", DAFx 2006 (the circuit).
    """

    model: Literal["bassman", "american", "british"] = "bassman"

    params = (
        Param("bass", 0.0, 1.0, default=0.5),
        Param("mid", 0.0, 1.0, default=0.5),
        Param("treble", 0.0, 1.0, default=0.5),
    )
    states = 3

    def system(self, p: Values, sr: float) -> svf.StateSpace:
        parts = MODELS[self.model]
        above = parts.bass * jnp.exp(BASS_TAPER * (p["bass"] - 1.0)) + parts.mid * (1.0 - p["mid"])
        loops = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
        ohms = jnp.stack(
            [jnp.full_like(above, parts.treble), jnp.full_like(above, parts.slope), above, parts.mid * p["mid"]]
        )
        samples = sr * jnp.sum(ohms[:, None, None] * loops[:, :, None] * loops[:, None, :], axis=0) * np.array(parts.c)
        step = jnp.linalg.inv(samples + 0.5 * np.eye(3))  # of the voltages, per volt that they are away from the input
        wiper = 0.5 + sr * parts.treble * parts.c[0] * (1.0 - p["treble"])
        return svf.StateSpace(E=-step, B=step.sum(1), C=wiper * step[0] - np.eye(3)[0], D=1.0 - wiper * step[0].sum())
