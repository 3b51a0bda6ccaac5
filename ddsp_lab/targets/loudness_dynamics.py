"""How loudness moves about its own mean."""

from dataclasses import dataclass
from math import log
from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from ..dsp.frames import moving_means
from ..dsp.loudness import channel_sum, k_weighted
from ._framed import Framed

FLOOR = 1e-7  # -70 dB beside the mean power, where stretches count as equally silent
TINY = 1e-10  # power, at which silence is defined


@dataclass(frozen=True)
class LoudnessDynamics(Framed):
    r"""Mean square of $(D_t - \hat D_t) / 10$ with $D_t = L_t^{short} - L_t^{long}$ in LU, K-weighted loudness over
    two windows about the same time: 1 where the dynamics are 10 LU apart.

    Hears what compressors, gates and shapers do; deaf to level, because a gain raises both windows, and deaf to
    polarity and phase.

    Reference: Yu, Martínez-Ramírez, Koo, Hayes, Liao, Fazekas, Mitsufuji, "DiffVox: a differentiable model for
    capturing and analysing vocal effects distributions", DAFx, 2025.
    """

    short_ms: Annotated[float, Meta(ge=5.0, le=400.0)] = 50.0
    long_ms: Annotated[float, Meta(ge=400.0, le=60000.0)] = 3000.0

    hears = ("dynamics",)
    deaf_to = ("level", "polarity")

    def measure(self, x: Audio, sr: int, length: Int[Array, ""]) -> tuple[Float[Array, "1 n"], Bool[Array, " n"]]:
        hop = max(1, round(0.5e-3 * self.short_ms * sr))
        power = channel_sum(k_weighted(x, sr, length) ** 2)
        short, real = moving_means(power, hop, 2, length)
        long, _ = moving_means(power, hop, max(2, round(1e-3 * self.long_ms * sr / hop)), length)
        floor = FLOOR * jnp.sum(power) / length + TINY  # its own level, so that a gain changes nothing
        return jnp.log((short + floor) / (long + floor)) / log(10.0), real
