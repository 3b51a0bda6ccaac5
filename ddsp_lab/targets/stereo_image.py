"""Where sounds stand between two channels, and how wide."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._errors import AudioError
from ..dsp.bands import band_weights
from ..dsp.frames import moving_sums
from ..dsp.stereo import stokes
from ..dsp.stft import frame_count
from ._framed import Framed

FLOOR = 1e-6  # -60 dB beside the mean power, below which a band has no image
TINY = 1e-10  # power, at which silence is defined


@dataclass(frozen=True)
class StereoImage(Framed):
    r"""Mean square difference of the normalised Stokes parameters $s_i / s_0$ of two channels, in third-octave bands
    over `window_ms` about each frame: level difference (-1 left... 1 right, as $\tanh$ of nepers), correlation (1 mono,
    0 wide, -1 opposite), the same a quarter turn apart, and that there is anything.

    Together they are the interaural level difference, coherence and phase difference, without a root or an arc tangent.
    Hears panning, width and a delay between channels; deaf to level, and to polarity and phase that
    both channels share.

    Raises `AudioError` unless there are two channels.

    Reference: Born, Wolf, "Principles of optics", 7th ed., Cambridge University Press, 1999, section 10.8 (the
    parameters); Faller, Baumgarte, "Binaural cue coding", IEEE Transactions on Speech and Audio Processing 11(6), 2003
    (the cues).
    """

    fft_size: Annotated[int, Meta(ge=64, le=65536)] = 1024
    window_ms: Annotated[float, Meta(ge=1.0, le=10000.0)] = 300.0

    hears = ("width",)
    deaf_to = ("level", "polarity")

    def measure(self, x: Audio, sr: int, length: Int[Array, ""]) -> tuple[Float[Array, "4 bands n"], Bool[Array, " n"]]:
        if x.shape[0] != 2:
            raise AudioError("audio-channels", f"stereo_image met {x.shape[0]} channels.", "It needs two.")
        hop = self.fft_size // 2
        parameters = stokes(x, self.fft_size, hop, band_weights(self.fft_size, sr).astype(x.dtype), length)
        real = jnp.arange(parameters.shape[1]) < frame_count(length, hop)
        rows = jnp.moveaxis(jnp.where(real[:, None], parameters, 0.0), 1, 2)
        width = max(1, round(1e-3 * self.window_ms * sr / hop))
        own = jnp.sum(x * x) / length  # so that a gain changes nothing
        sums = moving_sums(rows.reshape(-1, rows.shape[2]), width).reshape(rows.shape)
        return sums / (sums[:1] + width * (FLOOR * own + TINY)), real
