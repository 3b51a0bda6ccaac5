"""A recording read at any place: between its samples, and slower or faster than it was made."""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from .phase import running, steady

HALF = 16  # samples on either side of a place that are heard
PHASES = 512  # places between two samples that the table knows; straight lines between
WINDOW = 9.0  # Kaiser's beta
LAP = 2**17  # samples
FAST = 1024  # Fourier transforms of multiples of this are quick
FADED = 0.9  # of the highest frequency that stays: from there on a faster playback fades out


@cache
def _kernel() -> np.ndarray:
    """A windowed sinc at each of `PHASES` places between two samples, one after it, and of each sample about there."""
    at = np.arange(PHASES + 1)[:, None] / PHASES - np.arange(1 - HALF, HALF + 1)
    window = np.i0(WINDOW * np.sqrt(np.maximum(1.0 - (at / HALF) ** 2, 0.0))) / np.i0(WINDOW)
    return (np.sinc(at) * window).astype(np.float32)


def travelled(step: Float[Array, "*t"], samples: int, sr: int) -> tuple[Int[Array, " t"], Float[Array, " t"]]:
    """How far one has come before each sample at `step` samples each: whole ones, and the rest, from 0 to 1.

    A float32 has no bits left for the place between two samples after a second. The rest is the phase of an oscillator
    that turns once a sample, and so are whole ones, of one that turns once in `LAP`.
    """
    curve, n = jnp.ndim(step) > 0, jnp.arange(samples)

    def turns(step: Float[Array, "*t"]) -> Float[Array, " t"]:
        part = step - lax.stop_gradient(jnp.floor(step))
        return running(part * sr, sr) if curve else steady(part * sr, n, sr)

    def whole() -> Int[Array, " t"]:
        rough, far = (jnp.cumsum(step) - step) if curve else step * n, LAP * turns(step / LAP)
        return (jnp.rint((rough - far) / LAP) * LAP + jnp.rint(far - rest)).astype(jnp.int32)

    rest = turns(step)
    return lax.stop_gradient(whole()), rest


def read(recording: Float[Array, " n"], whole: Int[Array, " t"], rest: Float[Array, " t"]) -> Float[Array, " t"]:
    """The recording at the places `whole + rest`, silent before and after it: exactly itself where `rest` is 0.

    Reference: Smith, Gossett, "A flexible sampling-rate conversion method", ICASSP, 1984.
    """
    size, taps = recording.shape[0], 2 * HALF
    padded = jnp.pad(recording, (taps, taps))
    first = jnp.clip(whole + 1 - HALF + taps, 0, size + taps)
    heard = padded[first[:, None] + np.arange(taps)]
    kernel = jnp.asarray(_kernel(), rest.dtype)
    place = rest * PHASES
    low = jnp.clip(lax.stop_gradient(jnp.floor(place)), 0, PHASES - 1)
    row = low.astype(jnp.int32)
    weights = kernel[row] + (place - low)[:, None] * (kernel[row + 1] - kernel[row])
    return jnp.sum(heard * weights, axis=1)


def dulled(recording: Float[Array, " n"], step: Float[Array, ""]) -> Float[Array, " n"]:
    """Without what would be mirrored at `step` samples a sample: as it is up to one."""
    size = -(-(recording.shape[0] + 4 * HALF) // FAST) * FAST
    f = np.arange(size // 2 + 1) / (size / 2.0)
    over = jnp.clip((f * step - FADED) / (1.0 - FADED), 0.0, 1.0)
    stays = jnp.where(step > 1.0, 0.5 + 0.5 * jnp.cos(jnp.pi * over), 1.0)
    return jnp.where(
        step > 1.0, jnp.fft.irfft(jnp.fft.rfft(recording, size) * stays, size)[: recording.shape[0]], recording
    )
