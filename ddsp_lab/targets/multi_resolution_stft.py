"""Multi-resolution STFT distance."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Target
from ..dsp.stft import frame_count, stft

AURALOSS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # its default sizes, hops and windows
FLOOR = 1e-8  # power, below which two magnitudes count as equal


Bins: TypeAlias = Float[Array, "c frames bins"]


class Resolution(NamedTuple):
    magnitude: Bins
    log: Bins
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

    hears = ("level", "dc", "pitch", "spectrum", "dynamics", "width", "noise")
    deaf_to = ("polarity", "phase")

    @property
    def resolutions(self) -> tuple[tuple[int, int, int], ...]:
        return AURALOSS if self.auraloss_compatible else tuple((n, n // 4, n) for n in self.fft_sizes)

    def _spectrum(self, x: Audio, resolution: tuple[int, int, int], length: Int[Array, ""]) -> tuple[Bins, Bins]:
        z = stft(x, *resolution, edges="reflect" if self.auraloss_compatible else "zero", length=length)
        return z.real, z.imag

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> list[Resolution]:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        features = []
        for resolution in self.resolutions:
            m = _magnitude(self.auraloss_compatible, *self._spectrum(reference, resolution, length))
            count = frame_count(length, resolution[1])
            heard = (jnp.arange(m.shape[1]) < count)[:, None] / (count * m.shape[0] * m.shape[2])
            features.append(Resolution(m, jnp.log(m), jnp.sqrt(jnp.sum(heard * m * m)), heard, length))
        return features

    def distance(self, features: list[Resolution], y: Audio, sr: int) -> Float[Array, ""]:
        total = jnp.zeros((), y.dtype)
        for resolution, f in zip(self.resolutions, features, strict=True):
            spectrum = self._spectrum(y, resolution, f.length)
            squares, logs = _differences(self.auraloss_compatible, *spectrum, f.magnitude, f.log, f.heard)
            # the root's slope is infinite at equality, where the distance has none
            convergence = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0) / f.norm
            total = total + convergence + logs
        return total / len(features)


def _magnitude(clamped: bool, re: Bins, im: Bins) -> Bins:
    power = re * re + im * im
    # added rather than clamped, the floor leaves quiet signals their gradient
    return jnp.sqrt(jnp.maximum(power, FLOOR) if clamped else power + FLOOR)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _differences(
    clamped: bool, re: Bins, im: Bins, magnitude: Bins, log: Bins, heard: Float[Array, "frames 1"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Weighted sums over bins of the squared differences to `magnitude` and of the differences to its logarithm."""
    m = _magnitude(clamped, re, im)
    return jnp.sum(heard * (m - magnitude) ** 2), jnp.sum(heard * jnp.abs(jnp.log(m) - log))


@_differences.defjvp
def _(clamped, primals, tangents):
    """By hand, as one coefficient a bin: autodiff's way takes more passes over the spectra. The reference is fixed."""
    re, im, magnitude, _, heard = primals
    m = _magnitude(clamped, re, im)
    dm = (re * tangents[0] + im * tangents[1]) / m
    if clamped:
        dm = jnp.where(m * m > FLOOR, dm, 0.0)
    error = m - magnitude
    return _differences(clamped, *primals), (
        jnp.sum(2.0 * heard * error * dm),
        jnp.sum(heard * jnp.sign(error) / m * dm),
    )
