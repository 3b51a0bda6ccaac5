"""High-pass filter, second order."""

from dataclasses import dataclass

from ._filter import Plain, Q, cutoff


@dataclass(frozen=True)
class HighPass(Plain):
    r"""$H(s) = s^2 / (s^2 + s / Q + 1)$, $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$:
    12 dB less per octave below the cutoff.

    Reference: Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", W3C note, 2021.
    """

    section = "high_pass"
    params = (cutoff(80.0), Q)
