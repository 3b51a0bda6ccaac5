"""Peak or dip, second order."""

from dataclasses import dataclass

from ._filter import Equaliser, equaliser_params


@dataclass(frozen=True)
class Peak(Equaliser):
    r"""$H(s) = (s^2 + s A / Q + 1) / (s^2 + s / (A Q) + 1)$, $A = 10^{g / 40}$,
    $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$.

    Reference: Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", W3C note, 2021.
    """

    section = "peak"
    params = equaliser_params(1000.0)
