"""What targets share that follow the fundamental frequency of a sound."""

import abc
from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from msgspec import Meta

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target
from ..dsp.pitch import f0_track
from ..dsp.stft import frame_count
from ..dsp.waveform import real_samples


@dataclass(frozen=True)
class Tracked(Target, abc.ABC):
    """A distance between what `f0_track` finds; a pitch is looked for between `low_hz` and `high_hz`."""

    low_hz: Annotated[float, Meta(ge=20.0, le=2000.0)] = 50.0
    high_hz: Annotated[float, Meta(ge=50.0, le=8000.0)] = 2000.0
    frame_ms: Annotated[float, Meta(ge=2.0, le=500.0)] = 40.0
    hop_ms: Annotated[float, Meta(ge=1.0, le=500.0)] = 10.0

    def check_settings(self) -> None:
        super().check_settings()
        if self.high_hz <= self.low_hz:
            raise ExpressionError("bad-setting", f"{self}: nothing is above low_hz and below high_hz.", "Swap the two.")

    def track(
        self, x: Audio, sr: int, length: Int[Array, ""]
    ) -> tuple[Float[Array, "c frames"], Float[Array, "c frames"], Bool[Array, " frames"]]:
        """Frequency in Hz and the share of power that repeats at it, and which frames are real."""
        frame, hop = (max(least, round(1e-3 * ms * sr)) for least, ms in ((2, self.frame_ms), (1, self.hop_ms)))
        hz, c = f0_track(real_samples(x, length), sr, self.low_hz, self.high_hz, frame, hop)
        return hz, c, jnp.arange(c.shape[1]) < frame_count(length, hop)
