"""Peaks above the mean level."""

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from ..dsp.frames import crests
from ._framed import Framed


@dataclass(frozen=True)
class Crest(Framed):
    r"""Mean square of $(c_t - \hat c_t) / 10$ with $c_t = 20 \log_{10}(\max |y| / \mathrm{rms}\, y)$ in dB over windows
    side by side, each channel for itself: 1 where the crest factors are 10 dB apart.

    Hears clipping, limiting and the bite of attacks; deaf to level above -70 dB and to polarity. Phase moves peaks, so
    it hears that too. Its slope acts on each window's peak and on the whole window.
    """

    window_ms: Annotated[float, Meta(ge=1.0, le=5000.0)] = 100.0

    hears = ("dynamics",)
    deaf_to = ("level", "polarity")

    def measure(self, x: Audio, sr: int, length: Int[Array, ""]) -> tuple[Float[Array, "c n"], Bool[Array, " n"]]:
        crest_db, real = crests(x, max(1, round(1e-3 * self.window_ms * sr)), length)
        return 0.1 * crest_db, real
