"""Multi-resolution STFT distance."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target, Trait
from ..dsp.mel import mel_weights
from ..dsp.spectral_distance import FLOOR, Bins, Heard, differences, magnitude, root
from ..dsp.stft import frame_count, stft
from ..dsp.weighting import Weighting, bin_weights

AURALOSS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # its default sizes, hops and windows

Weight: TypeAlias = Annotated[float, Meta(ge=0.0, le=1e3)]


class Resolution(NamedTuple):
    magnitude: Bins
    log: Bins
    norm: Float[Array, ""]
    heard: Heard
    length: Int[Array, ""]
    spectrum: tuple[Bins, Bins, Heard] | None  # its parts and a weight over its energy, for the complex term


@dataclass(frozen=True)
class MultiResolutionStft(Target):
    r"""Mean over FFT sizes of weighted distances between short-time spectra.

    With $|Y|$ the magnitudes, Hann windows as long as the FFT and a hop of a quarter of it, the terms are convergence
    $\| |Y| - |\hat Y| \|_F / \| |Y| \|_F$, log $\overline{| \ln |Y| - \ln |\hat Y| |}$, linear
    $\overline{| |Y| - |\hat Y| |}$ and complex $\| Y - \hat Y \|_F / \| Y \|_F$. Hears spectra as they change; deaf to
    phase and polarity unless the complex term is there; wrong about the direction of a pitch error two times in five.

    `mel_bands` gathers all but the complex term in bands, `weighting` counts each bin as a sound-level meter does, and
    `sum_difference` compares the sum and the difference of two channels. `auraloss_compatible` takes auraloss 0.4's
    default sizes, reflected edges and clamped floor, sum and difference each for itself, and gives its numbers.

    References: Yamamoto, Song, Kim, "Parallel WaveGAN", ICASSP, 2020, eqs. 4-6; Steinmetz, Pons, Pascual, Serrà,
    "Automatic multitrack mixing with a differentiable mixing console of neural audio effects", ICASSP, 2021.
    """

    fft_sizes: Annotated[tuple[Annotated[int, Meta(ge=16, le=65536)], ...], Meta(min_length=1)] = (512, 1024, 2048)
    auraloss_compatible: bool = False
    convergence_weight: Weight = 1.0
    log_weight: Weight = 1.0
    linear_weight: Weight = 0.0
    complex_weight: Weight = 0.0
    mel_bands: Annotated[int, Meta(ge=0, le=1024)] = 0
    weighting: Weighting = "none"
    sum_difference: bool = False

    def check_settings(self) -> None:
        super().check_settings()
        if self.convergence_weight + self.log_weight + self.linear_weight + self.complex_weight == 0.0:
            raise ExpressionError("bad-setting", f"{self} has no term left.", "Give one of the weights.")

    @property
    def hears(self) -> tuple[Trait, ...]:
        heard: tuple[Trait, ...] = ("level", "dc", "pitch", "spectrum", "dynamics", "width", "noise")
        heard = tuple(w for w in heard if w != "dc" or self.weighting == "none")
        return (*heard, "polarity", "phase", "delay") if self.complex_weight >= 0.1 else heard

    @property
    def deaf_to(self) -> tuple[Trait, ...]:
        return () if self.complex_weight > 0.0 else ("polarity", "phase")

    @property
    def resolutions(self) -> tuple[tuple[int, int, int], ...]:
        return AURALOSS if self.auraloss_compatible else tuple((n, n // 4, n) for n in self.fft_sizes)

    def _views(self, x: Audio) -> list[Audio]:
        """The signals to compare."""
        if not self.sum_difference or x.shape[0] != 2:
            return [x]
        both = jnp.stack([x[0] + x[1], x[0] - x[1]])
        # together the two share a norm: a difference that is silent in the reference would be infinitely loud alone
        return [both[:1], both[1:]] if self.auraloss_compatible else [both]

    def _spectrum(
        self, x: Audio, resolution: tuple[int, int, int], sr: int, length: Int[Array, ""]
    ) -> tuple[Bins, Bins]:
        z = stft(x, *resolution, edges="reflect" if self.auraloss_compatible else "zero", length=length)
        if self.weighting != "none":
            z = z * bin_weights(self.weighting, resolution[0], sr).astype(x.dtype)
        return z.real, z.imag

    def _magnitude(self, spectrum: tuple[Bins, Bins], fft: int, sr: int) -> Bins:
        m = magnitude(self.auraloss_compatible, *spectrum)
        return m @ mel_weights(fft, sr, self.mel_bands).astype(m.dtype) if self.mel_bands else m

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> list[Resolution]:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        features = []
        for view in self._views(reference):
            for resolution in self.resolutions:
                spectrum = self._spectrum(view, resolution, sr, length)
                m = self._magnitude(spectrum, resolution[0], sr)
                count = frame_count(length, resolution[1])
                heard = (jnp.arange(m.shape[1]) < count)[:, None] / (count * m.shape[0] * m.shape[2])
                norm = jnp.sqrt(jnp.sum(heard * m * m))
                share = (heard > 0) / jnp.sum((heard > 0) * (spectrum[0] ** 2 + spectrum[1] ** 2 + FLOOR))
                kept = (*spectrum, share) if self.complex_weight else None
                features.append(Resolution(m, jnp.log(m), norm, heard, length, kept))
        return features

    def distance(self, features: list[Resolution], y: Audio, sr: int) -> Float[Array, ""]:
        total = jnp.zeros((), y.dtype)
        pairs = [(view, resolution) for view in self._views(y) for resolution in self.resolutions]
        for (view, resolution), f in zip(pairs, features, strict=True):
            spectrum = self._spectrum(view, resolution, sr, f.length)
            if self.mel_bands or self.linear_weight:
                error = (m := self._magnitude(spectrum, resolution[0], sr)) - f.magnitude
                squares, logs = jnp.sum(f.heard * error**2), jnp.sum(f.heard * jnp.abs(jnp.log(m) - f.log))
                total = total + self.linear_weight * jnp.sum(f.heard * jnp.abs(error))
            else:
                squares, logs = differences(self.auraloss_compatible, *spectrum, f.magnitude, f.log, f.heard)
            total = total + self.convergence_weight * (root(squares) / f.norm) + self.log_weight * logs
            if f.spectrum is not None:
                re, im, share = f.spectrum
                apart = jnp.sum(share * ((spectrum[0] - re) ** 2 + (spectrum[1] - im) ** 2))
                total = total + self.complex_weight * root(apart)
        return total / len(features)
