"""Optimal transport across frequency."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.stft import frame_count, stft

FLOOR = 1e-10  # power, below which a frame holds nothing that could be moved
ROUNDING = 1e-6  # share of a frame's energy that float32 may lose on the way; no more of it is moved than that


class Features(NamedTuple):
    cumulated: Float[Array, "c frames bins"]
    weight: Float[Array, "c frames"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class SpectralTransport(Target):
    r"""How many octaves the energy of $y$ has to move to become the reference's, frame by frame:
    $\sum_t w_t \int | F_t(f) - \hat F_t(f) | \, d \log_2 f$, $F_t$ the normalised spectrum added up from the bottom.

    The first Wasserstein distance: a tone a semitone off costs 1/12, two cost 2/12, so its slope points to the right
    pitch from anywhere. A spectrum is the powers less `cut_off_db` below its loudest, which keeps leakage and noise
    out; frequencies below `lowest_hz` count as that. $w_t$ is the reference's share of amplitude. Hears pitch and
    spectral balance; deaf to level, phase and polarity, and to what sounds where the reference is silent: pair it with
    `loudness`. Silence costs as much as energy at the top of the spectrum.

    Reference: Torres, Peeters, Richard, "Unsupervised harmonic parameter estimation using differentiable DSP and
    spectral optimal transport", ICASSP, 2024.
    """

    fft_size: Annotated[int, Meta(ge=64, le=65536)] = 2048
    cut_off_db: Annotated[float, Meta(ge=10.0, le=120.0)] = 40.0
    lowest_hz: Annotated[float, Meta(ge=1.0, le=1000.0)] = 20.0

    hears = ("dc", "pitch", "spectrum", "width", "noise")
    deaf_to = ("level", "polarity", "phase", "delay")

    def _masses(self, x: Audio, length: Int[Array, ""]) -> Float[Array, "c frames bins"]:
        n = self.fft_size
        z = stft(x, n, n // 4, n, length=length) * (4.0 / n)  # a sine has its amplitude
        power = z.real**2 + z.imag**2
        least = 10.0 ** (-self.cut_off_db / 10.0) * jnp.max(power, axis=2, keepdims=True)
        return jnp.maximum(power - least, 0.0)

    def _cumulated(self, masses: Float[Array, "c frames bins"]) -> Float[Array, "c frames bins"]:
        return jnp.cumsum(masses, axis=2)[..., :-1] / (jnp.sum(masses, axis=2, keepdims=True) + FLOOR)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        masses = self._masses(reference, length)
        real = jnp.arange(masses.shape[1]) < frame_count(length, self.fft_size // 4)
        weight = jnp.where(real, jnp.sqrt(jnp.sum(masses, axis=2) + FLOOR), 0.0)
        return Features(self._cumulated(masses), weight / jnp.sum(weight), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        moved = jnp.abs(self._cumulated(self._masses(y, features.length)) - features.cumulated)
        moved = jnp.maximum(moved - ROUNDING, 0.0)
        hz = np.maximum(np.arange(self.fft_size // 2 + 1) * sr / self.fft_size, self.lowest_hz)
        octaves = np.diff(np.log2(hz)).astype(y.dtype)
        return jnp.sum(features.weight * (moved @ octaves))
