"""All-pass filter, second order."""

from dataclasses import dataclass

from ._filter import Plain, Q, cutoff


@dataclass(frozen=True)
class AllPass(Plain):
    r"""$H(s) = (s^2 - s / Q + 1) / (s^2 + s / Q + 1)$, $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$:
    a full turn of phase. At a low Q the octaves about its centre are simply turned round.

    Reference: Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", W3C note, 2021.
    """

    section = "all_pass"
    params = (cutoff(500.0), Q)

    inverts = True
