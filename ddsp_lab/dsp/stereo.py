"""What two channels have to do with each other, band by band."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .frames import power_scale
from .stft import stft


def sum_and_difference(x: Float[Array, "2 t"], separate: bool) -> list[Float[Array, "c t"]]:
    """The sum and the difference of two channels as two channels, or each for itself."""
    both = jnp.stack([x[0] + x[1], x[0] - x[1]])
    # together the two share a norm: a difference that is silent in the reference would be infinitely loud alone
    return [both[:1], both[1:]] if separate else [both]


def stokes(
    x: Float[Array, "2 t"], fft: int, hop: int, weights: np.ndarray, length: Int[Array, ""]
) -> Float[Array, "4 frames bands"]:
    r"""Stokes parameters of two channels in bands: $|L|^2 + |R|^2$, $|L|^2 - |R|^2$, $2 \Re L \bar R$ and
    $2 \Im L \bar R$; `weights` is (bins, bands).

    Beside the first, the second is $\tanh$ of the level difference in nepers, the third is 1 in mono, 0 where
    the channels are unrelated and -1 where they are opposite, the fourth is what is a quarter turn apart. Coherence is
    $(s_2^2 + s_3^2) / (s_0^2 - s_1^2)$. All four add up over time and frequency.
    """
    z = stft(x, fft, hop, fft, length=length)
    scale = power_scale(fft)
    left, right = (z.real**2 + z.imag**2) @ weights
    cross_re = z.real[0] * z.real[1] + z.imag[0] * z.imag[1]
    cross_im = z.imag[0] * z.real[1] - z.real[0] * z.imag[1]
    return scale * jnp.stack([left + right, left - right, 2.0 * cross_re @ weights, 2.0 * cross_im @ weights])
