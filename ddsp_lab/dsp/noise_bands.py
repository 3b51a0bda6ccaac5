"""Noise whose level in each band moves."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .fir import hats
from .noise import normal


def band_centres(bands: int, lowest_hz: float = 40.0, highest_hz: float = 16_000.0) -> np.ndarray:
    """Evenly spaced as the ear spaces its own filters, in Hz.

    Reference: Glasberg, Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing Research 47,
    1990.
    """
    rate = 21.4 * np.log10(1.0 + 0.00437 * np.array([lowest_hz, highest_hz]))
    return (10.0 ** (np.linspace(rate[0], rate[1], bands) / 21.4) - 1.0) / 0.00437


def shares(centre_hz: np.ndarray, hop: int, sr: int) -> np.ndarray:
    """How much of its level each band gives each bin of a frame of two hops, (bands, bins); they add up to 1."""
    return hats(np.fft.rfftfreq(2 * hop, 1.0 / sr), centre_hz, sr)


def shaped_noise(
    key: Array, levels: Float[Array, "frames bands"], centre_hz: np.ndarray, samples: int, sr: int, hop: int
) -> Float[Array, " t"]:
    r"""White noise of variance 1, weighed by `levels` in bands around `centre_hz`, one row every `hop` samples.

    $\sum_f w\,\mathcal F^{-1}\{(L S)_f\,\mathcal F\{w\,\nu_f\}\}$ over frames of two hops, $w$ the root of a Hann
    window: at levels of 1 it is the noise $\nu$ itself. Linear in the levels: their gradient is a product of spectra.
    """
    count = -(-samples // hop) + 1
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)
    noise = normal(key, (count + 1, hop)).astype(levels.dtype)
    spectra = jnp.fft.rfft(jnp.concatenate([noise[:-1], noise[1:]], axis=1) * window)
    weights = levels[:count] @ shares(centre_hz, hop, sr).astype(np.float32)
    frames = jnp.fft.irfft(spectra * weights, 2 * hop) * window
    return (frames[:-1, hop:] + frames[1:, :hop]).reshape(-1)[:samples]
