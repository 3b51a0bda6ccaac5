"""A reference recorded in a room, or through a loudspeaker, whose impulse response is known."""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from msgspec import Meta

from .. import audio
from .._block import Audio
from .._damage import Damage
from .._errors import AudioError
from ..dsp.fir import filtered


@dataclass(frozen=True)
class Ir(Damage):
    """The impulse response in a recording, of one channel or of as many as the reference has, resampled if need be.

    Raises `AudioError` where the file cannot be read, or has another number of channels.
    """

    file: Annotated[str, Meta(min_length=1)] = ""
    content: str = field(init=False, default="")  # of the file: two of one name may differ, and so do their programs

    def __post_init__(self) -> None:
        super().__post_init__()
        recording = audio.load(self.file)
        object.__setattr__(self, "content", hashlib.sha256(recording.samples.tobytes()).hexdigest())

    def _taps(self, sr: int) -> np.ndarray:
        recording = audio.load(self.file)
        if recording.sr == sr:
            return recording.samples
        return audio.resample(recording.samples, recording.sr, sr) * (recording.sr / sr)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""]) -> Float[Array, "d n"]:
        taps = self._taps(sr)
        if taps.shape[0] not in (1, reference.shape[0]):
            raise AudioError(
                "audio-channels",
                f"{self.file} has {taps.shape[0]} channels, the reference {reference.shape[0]}.",
                "Mix the impulse response to one channel.",
            )
        return jnp.asarray(taps, reference.dtype)

    def apply(self, known: Float[Array, "d n"], y: Audio, sr: int) -> Audio:
        return filtered(y, known)
