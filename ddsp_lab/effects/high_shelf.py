"""High shelf, second order."""

from dataclasses import dataclass

from ._filter import Equaliser, equaliser_params


@dataclass(frozen=True)
class HighShelf(Equaliser):
    r"""$H(s) = A (A s^2 + s \sqrt A / Q + 1) / (s^2 + s \sqrt A / Q + A)$, $A = 10^{g / 40}$,
    $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$.

    Reference: Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", W3C note, 2021.
    """

    section = "high_shelf"
    params = equaliser_params(4000.0)
