"""Notch filter, second order."""

from dataclasses import dataclass

from ._filter import Plain, Q, cutoff


@dataclass(frozen=True)
class Notch(Plain):
    r"""$H(s) = (s^2 + 1) / (s^2 + s / Q + 1)$, $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$: nothing at its centre.

    Reference: Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", W3C note, 2021.
    """

    section = "notch"
    params = (cutoff(1000.0), Q)
