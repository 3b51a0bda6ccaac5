"""Distance between tracks of how periodic a sound is."""

from dataclasses import dataclass
from math import log

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._block import Audio
from ._framed import Framed
from ._tracked import Tracked

LEAST, MOST = 0.1, 1e-3  # added to both shares: ratios end at -10 dB, where it is all chance, and at 30 dB


@dataclass(frozen=True)
class Harmonicity(Tracked, Framed):
    r"""Mean square of $(h_t - \hat h_t) / 10$, $h = 10 \log_{10}(c / (1 - c))$ the ratio of what repeats to what does
    not in dB, between -10 and 30: 1 at 10 dB apart.

    $c$ is the share of power that repeats at the pitch that `f0_track` finds. Hears breath, hiss and whatever else
    is between the partials, and the end of a tone; deaf to level, polarity and constants. Two pitches at a time do not
    repeat either.

    Reference: de Cheveigné, Kawahara, "YIN, a fundamental frequency estimator for speech and music", Journal of the
    Acoustical Society of America 111(4), 2002.
    """

    hears = ("noise",)
    deaf_to = ("level", "polarity", "phase")

    def measure(
        self, x: Audio, sr: int, length: Int[Array, ""]
    ) -> tuple[Float[Array, "c frames"], Bool[Array, " frames"]]:
        _, c, real = self.track(x, sr, length)
        return (jnp.log(c + LEAST) - jnp.log(1.0 - c + MOST)) / log(10.0), real
