"""Multi-resolution STFT distance."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.stft import frame_count, stft

AURALOSS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # its default sizes, hops and windows
FLOOR = 1e-8  # power, below which two magnitudes count as equal


class Resolution(NamedTuple):
    magnitude: Float[Array, "c frames bins"]
    log: Float[Array, "c frames bins"]
    norm: Float[Array, ""]
    heard: Float[Array, "frames 1"]  # 1 / the number of real bins in real frames, 0 in frames that are padding
    length: Int[Array, ""]


@dataclass(frozen=True)
class MultiResolutionStft(Target):
    r"""Mean over FFT sizes of spectral convergence and log-magnitude distance.

    $\frac{\| |Y| - |\hat Y| \|_F}{\| |Y| \|_F} + \overline{| \ln |Y| - \ln |\hat Y| |}$ with Hann windows as long as
    the FFT and a hop of a quarter of it. Hears spectra as they change; deaf to phase and polarity; wrong about the
    direction of a pitch error two times in five. `auraloss_compatible` takes auraloss 0.4's default sizes, reflected
    edges and clamped floor, and gives its numbers.

    Reference: Yamamoto, Song, Kim, "Parallel WaveGAN", ICASSP, 2020, eqs. 4-6.
    """

    fft_sizes: Annotated[tuple[Annotated[int, Meta(ge=16, le=65536)], ...], Meta(min_length=1)] = (512, 1024, 2048)
    auraloss_compatible: bool = False

    @property
    def resolutions(self) -> tuple[tuple[int, int, int], ...]:
        return AURALOSS if self.auraloss_compatible else tuple((n, n // 4, n) for n in self.fft_sizes)

    def _magnitude(
        self, x: Audio, resolution: tuple[int, int, int], length: Int[Array, ""]
    ) -> Float[Array, "c frames bins"]:
        z = stft(x, *resolution, edges="reflect" if self.auraloss_compatible else "zero", length=length)
        power = z.real**2 + z.imag**2
        # added rather than clamped, the floor leaves quiet signals their gradient
        return jnp.sqrt(jnp.maximum(power, FLOOR) if self.auraloss_compatible else power + FLOOR)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> list[Resolution]:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        features = []
        for resolution in self.resolutions:
            m = self._magnitude(reference, resolution, length)
            count = frame_count(length, resolution[1])
            heard = (jnp.arange(m.shape[1]) < count) / (count * m.shape[0] * m.shape[2])
            features.append(
                Resolution(m, jnp.log(m), jnp.linalg.norm(m * (heard > 0)[:, None]), heard[:, None], length)
            )
        return features

    def distance(self, features: list[Resolution], y: Audio, sr: int) -> Float[Array, ""]:
        total = jnp.zeros((), y.dtype)
        for resolution, f in zip(self.resolutions, features, strict=True):
            m = self._magnitude(y, resolution, f.length)
            squares = jnp.sum(jnp.square(m - f.magnitude) * (f.heard > 0))
            # the root's slope is infinite at equality, where the distance has none
            convergence = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0) / f.norm
            total = total + convergence + jnp.sum(jnp.abs(jnp.log(m) - f.log) * f.heard)
        return total / len(features)
