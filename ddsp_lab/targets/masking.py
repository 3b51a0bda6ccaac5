"""The error that is heard."""

from dataclasses import dataclass
from math import log
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.frames import masked_mean, power_spectra
from ..dsp.masking import critical_bands, quiet_db, spreading
from ..dsp.stft import frame_count

TINY = 1e-12  # power, at which silence is defined


class Features(NamedTuple):
    reference: Float[Array, "c t"]
    threshold: Float[Array, "c frames bands"]
    weight: Float[Array, "c frames bands"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Masking(Target):
    r"""Error beside what the reference masks, $n$ the power of $y - \hat y$ and $m$ the masked threshold in critical
    bands: $\sum w n / \sum w p + \overline{\max_b \log_{10}(1 + \max(0, n_b / m_b - 1))}$, $w = \log_{10}(1 + p / m)$.

    The first term asks for accuracy where the reference $p$ stands out; alone it thinks nothing of hiss in an empty
    band. The second is the worst noise-to-mask ratio of each frame, in bel; alone it does not care below the threshold.
    Full scale is `full_scale_db_spl` loud. For aligned recordings: hears everything, but errors under the masker
    hardly.

    Reference: Zhen, Lee, Sung, Beack, Kim, "Psychoacoustic calibration of loss functions for efficient end-to-end
    neural audio coding", IEEE Signal Processing Letters 27, 2020 (the pair of terms).
    """

    fft_size: Annotated[int, Meta(ge=64, le=65536)] = 2048
    full_scale_db_spl: Annotated[float, Meta(ge=60.0, le=130.0)] = 96.0

    hears = ("level", "dc", "polarity", "phase", "delay", "pitch", "spectrum", "dynamics", "width", "noise")

    def _powers(self, x: Audio, sr: int, length: Int[Array, ""]) -> Float[Array, "c frames bands"]:
        n = self.fft_size
        weights, _ = critical_bands(n, sr)
        return power_spectra(x, n, n // 2, length) @ weights.astype(x.dtype)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        _, centres = critical_bands(self.fft_size, sr)
        powers = self._powers(reference, sr, length)
        quiet = 10.0 ** (0.1 * (quiet_db(centres) - self.full_scale_db_spl))
        threshold = powers @ spreading(centres).astype(powers.dtype) + quiet.astype(powers.dtype)
        real = (jnp.arange(powers.shape[1]) < frame_count(length, self.fft_size // 2))[:, None]
        weight = jnp.where(real, jnp.log1p(powers / threshold), 0.0)
        return Features(reference, threshold, weight / (jnp.sum(weight * powers) + TINY), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        noise = self._powers(y - features.reference, sr, features.length)
        excess = jnp.maximum(noise / features.threshold - 1.0, 0.0)
        worst = jnp.max(jnp.log1p(excess), axis=2) / log(10.0)
        real = jnp.arange(worst.shape[1]) < frame_count(features.length, self.fft_size // 2)
        return jnp.sum(features.weight * noise) + masked_mean(worst, real)
