"""Logarithms of power in mel bands, and their cosine transform."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .band_scales import triangles
from .stft import stft

FLOOR = 1e-6  # mean power in a band, in full scale of the transform: what is quieter is silence


def log_mel(
    x: Float[Array, "c t"], fft: int, sr: float, bands: int, length: Int[Array, ""]
) -> Float[Array, "c frames bands"]:
    """Natural logarithms of the power in mel bands, in Hann windows every quarter of `fft`."""
    z = stft(x, fft, fft // 4, fft, length=length)
    power = (z.real**2 + z.imag**2) @ triangles("mel", fft, sr, bands).astype(x.dtype)
    return jnp.log(power + FLOOR)


def cosines(bands: int, first: int, last: int) -> np.ndarray:
    r"""(bands, coefficients): rows `first` to `last` - 1 of the orthonormal DCT-II,
    $\sqrt{2 / B} \cos(\pi k (b + 1/2) / B)$, the zeroth over $\sqrt 2$."""
    k = np.arange(first, last)
    return np.where(k, 2.0, 1.0) ** 0.5 * np.cos(np.pi / bands * (np.arange(bands)[:, None] + 0.5) * k) / bands**0.5
