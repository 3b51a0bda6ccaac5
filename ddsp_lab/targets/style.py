"""How a recording sounds on the whole, whatever it plays."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.bands import band_weights
from ..dsp.frames import apart, crests, mean_share, moving_means, power_spectra
from ..dsp.levels import power_db
from ..dsp.stft import frame_count

FLOOR = 1e-7  # power: -70 dB
MODULATIONS_HZ = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

Part: TypeAlias = tuple[Float[Array, "rows n"], Bool[Array, " n"]]  # and which of the columns are real


class Features(NamedTuple):
    parts: tuple[Float[Array, "rows n"], ...]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Style(Target):
    r"""Mean over five statistics of the mean square difference, in bel where they are levels: the long-term spectrum in
    third octaves, the distributions of level and of crest factor over windows of `window_ms` (sorted: the squared
    Wasserstein distance), the long-term side share in each band, and the depth of the level's movement at 0.5 to 16 Hz.

    For a reference that is another performance: "make it sound like this". Deaf to what happens when and to polarity;
    hears level, spectrum, dynamics, width and noise. It cannot tell a bright player from a bright equaliser.

    Reference: Peeters, "A large set of audio features for sound description", IRCAM, 2004 (statistics of features);
    Rabin, Peyré, Delon, Bernot, "Wasserstein barycenter and its application to texture mixing", SSVM, 2011 (sorting).
    """

    fft_size: Annotated[int, Meta(ge=64, le=65536)] = 2048
    window_ms: Annotated[float, Meta(ge=10.0, le=3000.0)] = 100.0

    least_squares = True
    hears = ("level", "spectrum", "dynamics", "width", "noise")
    deaf_to = ("polarity", "delay")

    def _statistics(self, x: Audio, sr: int, length: Int[Array, ""]) -> list[Part]:
        # channels take part as their sum and difference, so that neither side is a statistic of its own
        turned = jnp.stack([jnp.sum(x, axis=0), x[0] - x[-1]]) * 0.5**0.5
        n, size = self.fft_size, max(2, round(1e-3 * self.window_ms * sr))
        bands = power_spectra(turned, n, n // 4, length) @ band_weights(n, sr).astype(x.dtype)
        real = (jnp.arange(bands.shape[1]) < frame_count(length, n // 4))[:, None]
        mid, side = jnp.sum(jnp.where(real, bands, 0.0), axis=1) / jnp.sum(real)
        levels, heard = moving_means(x * x, size // 2, 2, length)
        levels = 0.1 * power_db(levels, FLOOR)
        peaks, whole = crests(x, size, length)
        always = jnp.ones(mid.shape, bool)
        return [
            ((0.1 * power_db(mid + side, FLOOR))[None], always),
            _sorted(levels, heard),
            _sorted(0.1 * peaks, whole),
            ((side / (mid + side + FLOOR))[None], always),
            self._modulation(levels, heard, sr / (size // 2)),
        ]

    def _modulation(self, levels: Float[Array, "c n"], heard: Bool[Array, " n"], rate: float) -> Part:
        """Depth in bel of the sine in the levels at each of a few speeds."""
        level = jnp.where(heard, levels, 0.0)
        count = jnp.sum(heard)
        level = jnp.where(heard, level - jnp.sum(level, axis=1, keepdims=True) / count, 0.0)
        speeds = np.asarray([f for f in MODULATIONS_HZ if f < 0.5 * rate] or [0.25 * rate])
        turns = 2.0 * np.pi * np.arange(levels.shape[1])[:, None] * speeds / rate
        power = (level @ np.cos(turns).astype(level.dtype)) ** 2 + (level @ np.sin(turns).astype(level.dtype)) ** 2
        return jnp.sqrt(power / count**2 + 1e-6), jnp.ones(speeds.shape, bool)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(tuple(values for values, _ in self._statistics(reference, sr, length)), length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        parts = self._statistics(y, sr, features.length)
        pairs = zip(parts, features.parts, strict=True)
        return jnp.concatenate([mean_share(len(parts) ** -0.5 * apart(v, w), real) for (v, real), w in pairs])


def _sorted(v: Float[Array, "c n"], real: Bool[Array, " n"]) -> Part:
    """Each row's real values in rising order, what is none of them behind as nothing."""
    order = jnp.sort(jnp.where(real, v, 1e3), axis=1)
    first = jnp.arange(v.shape[1]) < jnp.sum(real)
    return jnp.where(first, order, 0.0), first
