"""Low-pass filter, second order."""

from dataclasses import dataclass

from ._filter import Plain, Q, cutoff


@dataclass(frozen=True)
class LowPass(Plain):
    r"""$H(s) = 1 / (s^2 + s / Q + 1)$, $s = i \tan(\pi f / f_s) / \tan(\pi f_c / f_s)$:
    12 dB less per octave above the cutoff.

    Reference: Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", W3C note, 2021.
    """

    section = "low_pass"
    params = (cutoff(8000.0), Q)
