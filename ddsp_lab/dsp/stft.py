"""Short-time Fourier transform as shifted slices and one batched FFT."""

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float


def hann(size: int) -> np.ndarray:
    """The periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)


def frame_count(samples: Any, hop: int) -> Any:
    """How many frames `stft` makes of `samples`: an integer, or an array of them."""
    return 1 + samples // hop


def stft(
    x: Float[Array, "c t"], fft: int, hop: int, window: int, edges: Literal["zero", "reflect"] = "zero"
) -> Complex[Array, "c frames bins"]:
    """Frames of `window` samples centred on every `hop`-th sample, Hann-weighted, zero-padded to `fft`.

    Centred as in librosa and torch. Frames are concatenated slices of a reshaped signal: the adjoint is an
    overlap-add of pads, no scatter.
    """
    channels, samples = x.shape
    frames, slices = frame_count(samples, hop), -(-window // hop)
    lead = fft // 2 - (fft - window) // 2
    padded = jnp.pad(x, ((0, 0), (fft // 2, fft // 2)), mode="reflect" if edges == "reflect" else "constant")
    padded = padded[:, fft // 2 - lead :]
    needed = (frames + slices - 1) * hop
    padded = jnp.pad(padded, ((0, 0), (0, max(0, needed - padded.shape[1]))))[:, :needed].reshape(channels, -1, hop)
    taken = jnp.concatenate([padded[:, i : i + frames] for i in range(slices)], axis=2)[:, :, :window]
    return jnp.fft.rfft(taken * jnp.asarray(hann(window), x.dtype), fft)
