"""Short-time Fourier transform as shifted slices and one batched FFT."""

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from .._errors import AudioError


def hann(size: int) -> np.ndarray:
    """The periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)


def frame_count(samples: Any, hop: int) -> Any:
    """How many frames `stft` makes of `samples`: an integer, or an array of them."""
    return 1 + samples // hop


def _reflected(x: Float[Array, "c t"], by: int, length: Int[Array, ""] | int) -> Float[Array, "c s"]:
    """`x` with `by` samples more on either side, mirrored at its first sample and at its `length`-th."""
    if x.shape[1] <= by:
        raise AudioError(
            "audio-empty",
            f"{x.shape[1]} samples cannot be mirrored over {by} at each end.",
            "Use longer recordings or shorter windows.",
        )
    padded = jnp.pad(x, ((0, 0), (by, by)), mode="reflect")
    end = lax.dynamic_slice(x, (0, length - 1 - by), (x.shape[0], by))[:, ::-1]
    return lax.dynamic_update_slice(padded, end, (0, by + length))


def stft(
    x: Float[Array, "c t"],
    fft: int,
    hop: int,
    window: int,
    edges: Literal["zero", "reflect"] = "zero",
    length: Int[Array, ""] | int | None = None,
) -> Complex[Array, "c frames bins"]:
    """Frames of `window` samples centred on every `hop`-th sample, Hann-weighted, zero-padded to `fft`.

    Centred as in librosa and torch. `length` samples are real, zeros follow; an edge is reflected where they end.
    Frames are a sum of padded slices of a reshaped signal, one fused loop; so is the adjoint, an overlap-add.
    """
    channels, samples = x.shape
    frames, slices = frame_count(samples, hop), -(-window // hop)
    lead = fft // 2 - (fft - window) // 2
    if edges == "reflect":
        x = _reflected(x, lead, samples if length is None else length)
        samples, lead = x.shape[1], 0
    needed = (frames + slices - 1) * hop
    zero = jnp.zeros((), x.dtype)
    hops = lax.pad(x, zero, [(0, 0, 0), (lead, needed - lead - samples, 0)]).reshape(channels, -1, hop)
    weights = np.pad(hann(window), (0, slices * hop - window)).astype(x.dtype).reshape(slices, hop)
    taken = [
        lax.pad(
            lax.slice_in_dim(hops, i, i + frames, axis=1) * w,
            zero,
            [(0, 0, 0), (0, 0, 0), (i * hop, fft - (i + 1) * hop, 0)],
        )
        for i, w in enumerate(weights)
    ]
    return jnp.fft.rfft(sum(taken[1:], taken[0]))
