"""DC blocker: a gentle high-pass below hearing."""

from dataclasses import dataclass

from .._block import Values
from .._param import Param
from ..dsp import svf
from ._filter import Filter


@dataclass(frozen=True)
class DcBlocker(Filter):
    r"""$H(s) = s / (s + 1)$, $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$: one pole, one zero at 0 Hz.

    Reference: Zavalishin, "The Art of VA Filter Design", Native Instruments, 2018, section 3.
    """

    params = (Param("cutoff_hz", 1.0, 100.0, default=10.0, unit="Hz", scale="log"),)
    states = 1

    def system(self, p: Values, sr: float) -> svf.StateSpace:
        return svf.first_order(svf.warp(p["cutoff_hz"], sr), 1.0, -1.0)
