"""A reference that came earlier or later than it should, by an unknown fraction of a sample or by many."""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._damage import Damage

STEPS = 4  # of Newton's method, which doubles the digits of a fraction with each
GRAIN = 2.0**-14  # of a sample: no delay at all has to come out as none


@dataclass(frozen=True)
class Delay(Damage):
    r"""Each prediction is shifted by the delay, up to `longest_ms` either way, at which it correlates best with the
    reference, $\arg\max_\tau \sum_t y(t)\, \hat y(t - \tau)$: built-in alignment for distances between waveforms.

    The shift is band-limited. Its own slope is left out: at the best delay a squared error has none.

    Reference: Knapp, Carter, "The generalized correlation method for estimation of time delay", IEEE TASSP 24(4), 1976.
    """

    longest_ms: Annotated[float, Meta(gt=0.0, le=2000.0)] = 10.0

    hides = ("delay",)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""]) -> Audio:
        return reference

    def apply(self, known: Audio, y: Audio, sr: int) -> Audio:
        most = min(ceil(1e-3 * self.longest_ms * sr), y.shape[1])
        size = y.shape[1] + most + 2
        reference, still = jnp.fft.rfft(known, size), jax.lax.stop_gradient(y)
        likeness = jnp.fft.irfft(jnp.sum(reference * jnp.conj(jnp.fft.rfft(still, size)), axis=0), size)
        lags = np.concatenate([np.arange(most + 1), np.arange(-most, 0)])
        whole = jnp.asarray(lags)[jnp.argmax(likeness[lags])]
        moved = jax.lax.dynamic_slice_in_dim(jnp.pad(y, ((0, 0), (most, most))), most - whole, y.shape[1], axis=1)
        spectrum = jnp.fft.rfft(moved, size)
        omega = jnp.asarray(2.0 * np.pi * np.arange(size // 2 + 1) / size, y.dtype)
        late = _fraction(jnp.sum(reference * jnp.conj(jax.lax.stop_gradient(spectrum)), axis=0), omega)
        shifted = jnp.fft.irfft(spectrum * jnp.exp(-1j * omega * late), size)[:, : y.shape[1]]
        return jnp.where(late == 0.0, moved, shifted)


def _fraction(cross: Array, omega: Float[Array, " k"]) -> Float[Array, ""]:
    """The place within a sample of zero at which a correlation is highest."""

    def step(_: int, late: Float[Array, ""]) -> Float[Array, ""]:
        turned = cross * jnp.exp(1j * omega * late)
        slope, bend = -jnp.sum(omega * turned.imag), -jnp.sum(omega**2 * turned.real)
        move = jnp.where(bend < 0.0, -slope / jnp.where(bend < 0.0, bend, 1.0), 0.0)
        return jnp.clip(late + jnp.clip(move, -0.5, 0.5), -1.0, 1.0)

    return GRAIN * jnp.round(jax.lax.fori_loop(0, STEPS, step, jnp.zeros((), omega.dtype)) / GRAIN)
