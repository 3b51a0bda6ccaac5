"""Convolution: the impulse response of a cabinet or a room, loaded, learned or both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Block, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.fir import convolve, least_squares

LATE = 512  # taps from which a response may be a room's, its loudest sound later than a filter's


@dataclass(frozen=True)
class Convolution(StreamingBlock):
    r"""$y_n = \sum_k h_k x_{n - k}$ with `length` free taps $h$, the same for every channel.

    The taps are parameters like any other: presets hold them, fits learn them, `from_file` and `starting_at(taps=…)`
    set where they start. They belong to the sample rate they were made at.
    """

    length: Annotated[int, Meta(ge=1, le=1 << 17)] = 1024

    linear = True
    inverts = True

    @property
    def echoes(self) -> bool:
        return self.length > LATE

    @property
    def params(self) -> tuple[Param]:
        nothing = (1.0,) + (0.0,) * (self.length - 1)
        return (Param("taps", -2.0, 2.0, nothing, shape=(self.length,), affine=True),)

    @classmethod
    def from_file(cls, path: str | Path, sr: int, length: int | None = None) -> Self:
        """An impulse response from a recording, its channels averaged, resampled to `sr`; raises `AudioError`."""
        from .. import audio

        recording = audio.load(path)
        taps = audio.resample(recording.samples, recording.sr, sr).mean(axis=0)
        return cls.from_taps(taps[:length] * (recording.sr / sr))

    @classmethod
    def from_taps(cls, taps: np.ndarray) -> Self:
        return cls(len(taps)).starting_at(taps=np.asarray(taps, np.float64))

    @classmethod
    def example(cls) -> Block:
        return cls(32)

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, self.length - 1))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        return convolve(x, p["taps"].astype(x.dtype)[None], state)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The taps by least squares."""
        taps = np.zeros(self.length)
        found = least_squares(source, reference, self.length)
        taps[: found.size] = found
        return [{"taps": np.clip(taps, -2.0, 2.0)}] if np.isfinite(taps).all() else []
