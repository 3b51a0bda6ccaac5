"""Level over time."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.frames import apart, mean_share, moving_means
from ..dsp.levels import power_db

FLOOR = 1e-8  # power: -80 dB, below which levels count as equal


class Features(NamedTuple):
    levels: tuple[Float[Array, "c n"], ...]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Envelope(Target):
    r"""Mean square of $(e_t - \hat e_t) / 10$, $e_t$ the RMS level in dB over windows of several lengths, each channel
    for itself: 1 at 10 dB apart.

    Hears level and dynamics, each at the time scale of its windows; deaf to polarity and phase, and to a delay well
    below its shortest window. What it is told of spectrum and noise is only how they change the level.
    """

    windows_ms: Annotated[tuple[Annotated[float, Meta(ge=1.0, le=5000.0)], ...], Meta(min_length=1)] = (
        10.0,
        40.0,
        160.0,
    )

    least_squares = True
    hears = ("level", "dynamics")
    deaf_to = ("polarity",)

    def _levels(self, x: Audio, sr: int, length: Int[Array, ""]) -> list[tuple[Float[Array, "c n"], Bool[Array, " n"]]]:
        means = (moving_means(x * x, max(1, round(0.5e-3 * ms * sr)), 2, length) for ms in self.windows_ms)
        return [(0.1 * power_db(power, FLOOR), real) for power, real in means]

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(tuple(level for level, _ in self._levels(reference, sr, length)), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        scale = len(self.windows_ms) ** -0.5
        levels = self._levels(y, sr, features.length)
        pairs = zip(levels, features.levels, strict=True)
        return jnp.concatenate([mean_share(scale * apart(level, wanted), real) for (level, real), wanted in pairs])
