"""Distance between spectral envelopes: where the resonances are, whatever excites them."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._target import Trait
from ..dsp import lpc
from ..dsp.band_scales import corners
from ..dsp.frames import power_spectra
from ..dsp.levels import power_db
from ..dsp.state_space import matmul
from ..dsp.stft import frame_count
from ._framed import Framed

FLOOR = 1e-9  # power: white noise of -90 dB under everything, so that silence has an envelope
UNDER = 1e-5  # of a frame's power: the same, so that valleys 50 dB below the peaks count as filled


@dataclass(frozen=True)
class SpectralEnvelope(Framed):
    r"""Mean square of $(V - \hat V) / 10$, $V = 10 \log_{10}(e / |A(f)|^2)$ in dB: 1 at 10 dB apart.

    $A$ is the filter of `order` that leaves least, $e$, of a Hann-weighted frame; $f$ lies at `bands` equal steps of
    the mel scale. An order of the sample rate in kHz plus 2 to 4 follows the resonances of a voice and not its
    partials: then pitch is heard faintly, 25 times less than noise between the partials. Deaf to phase and polarity;
    without `level`, each frame's mean over bands is taken off.

    Reference: Makhoul, "Linear prediction: a tutorial review", Proceedings of the IEEE 63(4), 1975.
    """

    order: Annotated[int, Meta(ge=1, le=64)] = 16
    fft_size: Annotated[int, Meta(ge=256, le=65536)] = 1024
    bands: Annotated[int, Meta(ge=4, le=512)] = 64
    level: bool = True

    deaf_to = ("polarity", "phase")

    @property
    def hears(self) -> tuple[Trait, ...]:
        return ("level", "dc", "spectrum", "dynamics", "noise") if self.level else ("dc", "spectrum", "noise")

    def measure(self, x: Audio, sr: int, length: Int[Array, ""]) -> tuple[Float[Array, "c bands n"], Bool[Array, " n"]]:
        power = power_spectra(x, self.fft_size, self.fft_size // 4, length)
        turns = np.outer(np.arange(power.shape[-1]) / self.fft_size, np.arange(self.order + 1))
        r = matmul(power, jnp.asarray(np.cos(2.0 * np.pi * turns), x.dtype))
        r = r.at[..., 0].multiply(1.0 + UNDER).at[..., 0].add(FLOOR)
        k = lpc.reflections(r)
        left = 0.1 * (power_db(r[..., 0], 0.0) - lpc.prediction_gain_db(k))
        phase = 2.0 * np.pi * np.outer(np.arange(self.order + 1), corners("mel", self.bands, sr)[1:-1] / sr)
        a = lpc.reflection_to_filter(k)
        re, im = (matmul(a, jnp.asarray(part(phase), x.dtype)) for part in (np.cos, np.sin))
        envelope = left[..., None] - 0.1 * power_db(re**2 + im**2, 1e-12)
        if not self.level:
            envelope = envelope - jnp.mean(envelope, axis=-1, keepdims=True)
        real = jnp.arange(envelope.shape[1]) < frame_count(length, self.fft_size // 4)
        return jnp.swapaxes(envelope, 1, 2), real
