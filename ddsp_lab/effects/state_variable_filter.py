"""State-variable filter: a second-order filter whose cutoff and Q may move at any speed."""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp

from .._block import Audio, Context, State, Values
from .._param import Param
from ..dsp import svf, varying
from ._filter import CUTOFF_HZ, Filter

KINDS: dict[str, tuple[svf.Plain, float]] = {  # and where each starts
    "low": ("low_pass", 8000.0),
    "high": ("high_pass", 80.0),
    "band": ("band_pass", 1000.0),
    "notch": ("notch", 1000.0),
}


@dataclass(frozen=True)
class StateVariableFilter(Filter):
    r"""$H(s) = n(s) / (s^2 + s / Q + 1)$, $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$, at settings that may move.

    $n$ is $1$ (low), $s^2$ (high), $s / Q$ (band), $s^2 + 1$ (notch). Two trapezoidal integrators hold the state, so
    it stays stable and free of clicks whatever curves the cutoff and Q follow.

    References: Zavalishin, "The Art of VA Filter Design", Native Instruments, 2018, chapter 4; Simper, "Solving the
    continuous SVF equations using trapezoidal integration", Cytomic, 2013.
    """

    mode: Literal["low", "high", "band", "notch"] = "low"

    @property
    def params(self) -> tuple[Param, ...]:
        return (
            Param("cutoff_hz", *CUTOFF_HZ, KINDS[self.mode][1], unit="Hz", scale="log", automatable=True),
            Param("q", 0.1, 10.0, default=0.7071, scale="log", automatable=True),
        )

    def system(self, p: Values, sr: float) -> svf.StateSpace:
        return svf.one(svf.plain_section(KINDS[self.mode][0], p["cutoff_hz"], p["q"], sr))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        if jnp.ndim(p["cutoff_hz"]) == jnp.ndim(p["q"]) == 0:
            return super().step(p, state, x, ctx)
        section = svf.plain_section(KINDS[self.mode][0], p["cutoff_hz"], p["q"], ctx.sr)
        moving = section._replace(g=jnp.broadcast_to(section.g, x.shape[1:]))
        return varying.filtered(moving, x, state.astype(x.dtype))
