"""Multi-resolution STFT distance."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target, Trait
from ..dsp.band_scales import BandScale, triangles
from ..dsp.resolutions import AURALOSS, Window, drawn_sizes
from ..dsp.spectral_distance import Bins, Floor, Resolution, differences, kept, magnitude, root
from ..dsp.stereo import sum_and_difference
from ..dsp.stft import stft
from ..dsp.weighting import Weighting, bin_weights

Weight: TypeAlias = Annotated[float, Meta(ge=0.0, le=1e3)]
Bands: TypeAlias = Annotated[int, Meta(ge=0, le=1024)]


@dataclass(frozen=True)
class MultiResolutionStft(Target):
    r"""Mean over FFT sizes of weighted distances between short-time spectra.

    With $|Y|$ the magnitudes, Hann windows as long as the FFT and a hop of a quarter of it, the terms are convergence
    $\| |Y| - |\hat Y| \|_F / \| |Y| \|_F$, log $\overline{| \ln |Y| - \ln |\hat Y| |}$, linear
    $\overline{| |Y| - |\hat Y| |}$ and complex $\| Y - \hat Y \|_F / \| Y \|_F$. Hears spectra as they change; deaf to
    phase and polarity unless the complex term is there; wrong about the direction of a pitch error two times in five.

    `mel_bands`, `bark_bands` or `cqt_bands` (even in log frequency) gathers all but the complex term in as many bands;
    `weighting` counts bins as a sound-level meter (a) or loudness (k) does; `random_sizes` many FFT sizes are drawn by
    `seed` between the smallest and the largest, once; `sum_difference` compares the two of two channels; `edges` are
    silence or mirror the sound, so that the phase counts with which it begins at the first sample. Powers below
    `floor_db` count as equal: noise of -106 dBFS lies at -80; with a lower one it matters how sounds end in silence.
    `symmetric` divides the convergence by $\sqrt{\| |Y| \|_F \| |\hat Y| \|_F}$ instead: no two draws of noise are
    alike, and a share of $\| |Y| \|_F$ is least where the other has $\pi / 4$ of its level.
    `auraloss_compatible` takes auraloss 0.4's default sizes, edges, floor and views, and gives its numbers.

    References: Yamamoto, Song, Kim, "Parallel WaveGAN", ICASSP, 2020, eqs. 4-6; Steinmetz, Pons, Pascual, Serrà,
    "Automatic multitrack mixing with a differentiable mixing console of neural audio effects", ICASSP, 2021; Steinmetz,
    Reiss, "auraloss: audio-focused loss functions in PyTorch", Digital Music Research Network, 2020 (random sizes).
    """

    fft_sizes: Annotated[tuple[Annotated[int, Meta(ge=16, le=65536)], ...], Meta(min_length=1)] = (512, 1024, 2048)
    auraloss_compatible: bool = False
    convergence_weight: Weight = 1.0
    log_weight: Weight = 1.0
    linear_weight: Weight = 0.0
    complex_weight: Weight = 0.0
    mel_bands: Bands = 0
    bark_bands: Bands = 0
    cqt_bands: Bands = 0
    random_sizes: Annotated[int, Meta(ge=0, le=16)] = 0
    seed: Annotated[int, Meta(ge=0)] = 0
    weighting: Weighting = "none"
    floor_db: Annotated[float, Meta(ge=-200.0, le=0.0)] = -80.0
    sum_difference: bool = False
    edges: Literal["zero", "reflect"] = "zero"
    symmetric: bool = False

    def check_settings(self) -> None:
        super().check_settings()
        if self.convergence_weight + self.log_weight + self.linear_weight + self.complex_weight == 0.0:
            raise ExpressionError("bad-setting", f"{self} has no term left.", "Give one of the weights.")
        if len(self._bands) > 1:
            raise ExpressionError(
                "bad-setting", f"{self} has bands of several kinds.", "Give one kind, or add targets."
            )
        if self.random_sizes and self.auraloss_compatible:
            raise ExpressionError("bad-setting", f"{self}: the sizes are auraloss's.", "Leave out one of the two.")

    @property
    def _bands(self) -> dict[BandScale, int]:
        kinds: dict[BandScale, int] = {"mel": self.mel_bands, "bark": self.bark_bands, "cqt": self.cqt_bands}
        return {scale: count for scale, count in kinds.items() if count}

    @property
    def hears(self) -> tuple[Trait, ...]:
        heard: tuple[Trait, ...] = ("level", "dc", "pitch", "spectrum", "dynamics", "width", "noise")
        heard = tuple(w for w in heard if w != "dc" or (self.weighting == "none" and not self.cqt_bands))
        return (*heard, "polarity", "phase", "delay") if self.complex_weight >= 0.1 else heard

    @property
    def deaf_to(self) -> tuple[Trait, ...]:
        return () if self.complex_weight > 0.0 else ("polarity", "phase")

    @property
    def resolutions(self) -> tuple[Window, ...]:
        sizes = drawn_sizes(self.fft_sizes, self.random_sizes, self.seed) or self.fft_sizes
        return AURALOSS if self.auraloss_compatible else tuple((n, n // 4, n) for n in sizes)

    @property
    def _floor(self) -> Floor:
        return Floor(10.0 ** (self.floor_db / 10.0), self.auraloss_compatible)

    def _views(self, x: Audio) -> list[Audio]:
        """The signals to compare."""
        return sum_and_difference(x, self.auraloss_compatible) if self.sum_difference and x.shape[0] == 2 else [x]

    def _spectrum(self, x: Audio, resolution: Window, sr: int, length: Int[Array, ""]) -> tuple[Bins, Bins]:
        z = stft(x, *resolution, edges="reflect" if self.auraloss_compatible else self.edges, length=length)
        if self.weighting != "none":
            z = z * bin_weights(self.weighting, resolution[0], sr).astype(x.dtype)
        return z.real, z.imag

    def _magnitude(self, spectrum: tuple[Bins, Bins], fft: int, sr: int) -> Bins:
        m = magnitude(self._floor, *spectrum)
        for scale, count in self._bands.items():
            m = m @ triangles(scale, fft, sr, count).astype(m.dtype)
        return m

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> list[Resolution]:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        features = []
        for view in self._views(reference):
            for resolution in self.resolutions:
                spectrum = self._spectrum(view, resolution, sr, length)
                m = self._magnitude(spectrum, resolution[0], sr)
                features.append(kept(self._floor, m, spectrum if self.complex_weight else None, resolution[1], length))
        return features

    def distance(self, features: list[Resolution], y: Audio, sr: int) -> Float[Array, ""]:
        total = jnp.zeros((), y.dtype)
        pairs = [(view, resolution) for view in self._views(y) for resolution in self.resolutions]
        for (view, resolution), f in zip(pairs, features, strict=True):
            spectrum = self._spectrum(view, resolution, sr, f.length)
            if self._bands or self.linear_weight:
                error = (m := self._magnitude(spectrum, resolution[0], sr)) - f.magnitude
                power = m**2
                squares, logs = jnp.sum(f.heard * error**2), jnp.sum(f.heard * jnp.abs(jnp.log(m) - f.log))
                total = total + self.linear_weight * jnp.sum(f.heard * jnp.abs(error))
            else:
                squares, logs = differences(self._floor, *spectrum, f.magnitude, f.log, f.heard)
                power = spectrum[0] ** 2 + spectrum[1] ** 2 + self._floor.power
            norm = jnp.sqrt(f.norm * jnp.sqrt(jnp.sum(f.heard * power))) if self.symmetric else f.norm
            total = total + self.convergence_weight * (root(squares) / norm) + self.log_weight * logs
            if f.spectrum is not None:
                re, im, share = f.spectrum
                apart = jnp.sum(share * ((spectrum[0] - re) ** 2 + (spectrum[1] - im) ** 2))
                total = total + self.complex_weight * root(apart)
        return total / len(features)
