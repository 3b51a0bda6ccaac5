"""Wavetable synth: one cycle after another of a table, learned or loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._adsr import TAIL_S
from .._block import Context, Values
from .._errors import AudioError
from .._param import Param
from .._synth import Note, Synth
from ..dsp.harmonics import frames_for, gliding_harmonics
from ..dsp.modal import audible
from ._amplifier import AMPLIFIER, envelope
from ._phase import TUNE, phase

HOP = 128
CYCLE = 2048  # samples of a cycle in most files of wavetables
POSITION = Param("position", 0.0, 1.0, default=0.3, automatable=True)


@cache
def _plain(frames: int, size: int) -> tuple[float, ...]:
    """From a sine to a saw."""
    k, turns = np.arange(1, harmonics(size) + 1), np.arange(size) / size
    sines = np.sin(2.0 * np.pi * np.outer(turns, k))
    blend = np.linspace(0.0, 1.0, frames) if frames > 1 else np.ones(1)
    levels = (k == 1) + np.outer(blend, (k > 1) / k)
    return tuple((0.5 * levels @ sines.T).ravel().tolist())


def harmonics(size: int) -> int:
    """How many a cycle of so many samples holds."""
    return (size - 1) // 2


@dataclass(frozen=True)
class Wavetable(Synth):
    r"""$A(t)\,w_{u(t)}(\varphi)$: a `table` of `frames` cycles of `size` samples each, one after the other, read at
    `position` $u$ from the first (0) to the last (1), straight between neighbours.

    What is played of a cycle is its Fourier series as far as the pitch leaves room below half the sample rate, exact at
    every phase: nothing is interpolated and nothing aliases; its mean is left out. The table is a parameter like any
    other: presets hold it, fits learn it, `from_file`, `from_table` and `starting_at(table=...)` set where it starts.

    Reference: Bristow-Johnson, "Wavetable synthesis 101, a fundamental perspective", AES 101st Convention, 1996.
    """

    frames: Annotated[int, Meta(ge=1, le=256)] = 4
    size: Annotated[int, Meta(ge=4, le=1024)] = 64

    tail_s: ClassVar[float] = TAIL_S

    @property
    def params(self) -> tuple[Param, ...]:
        cells = self.frames * self.size
        table = Param("table", -1.0, 1.0, _plain(self.frames, self.size), shape=(cells,), affine=True)
        return (table, *((POSITION,) if self.frames > 1 else ()), TUNE, *AMPLIFIER)

    @classmethod
    def from_file(cls, path: str | Path, frames: int = 16, size: int = 256, cycle: int = CYCLE) -> Self:
        """So many cycles, evenly from a file of cycles of `cycle` samples, its channels averaged, all turned down
        together where they go beyond 1; raises `AudioError`."""
        from .. import audio

        x = audio.load(path).samples.mean(axis=0)
        if (count := x.size // cycle) < 1:
            message = f"{path} holds {x.size} samples, less than a cycle of {cycle}."
            raise AudioError("audio-empty", message, "Say how many samples a cycle has: from_file(path, cycle=...).")
        picked = np.rint(np.linspace(0, count - 1, min(frames, count))).astype(int)
        return cls.from_table(x[: count * cycle].reshape(count, cycle)[picked], size)

    @classmethod
    def from_table(cls, table: np.ndarray, size: int | None = None) -> Self:
        """A table `(frames, samples)`; each frame with `size` samples of its lower harmonics."""
        table = np.atleast_2d(np.asarray(table, np.float64))
        if size is not None and size != table.shape[1]:
            spectrum, kept = np.fft.rfft(table, axis=1), min(harmonics(size), harmonics(table.shape[1])) + 1
            table = np.fft.irfft(spectrum[:, :kept], size, axis=1) * (size / table.shape[1])
        table = table / max(1.0, np.abs(table).max())
        return cls(*table.shape).starting_at(table=table.ravel())

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        turns, per_sample = phase(note, p["tune_st"], samples, ctx.sr)
        frames = np.minimum(np.arange(frames_for(samples, HOP)) * HOP, samples - 1)
        k = np.arange(1, harmonics(self.size) + 1)
        heard = audible(jnp.broadcast_to(per_sample, (samples,))[frames, None] * k * ctx.sr, ctx.sr)
        angles = 2.0 * np.pi * np.outer(np.arange(self.size), k) / self.size
        y = jnp.zeros(samples)
        for even, waves in ((False, np.sin(angles)), (True, np.cos(angles))):
            series = jnp.matmul(
                p["table"].reshape(self.frames, self.size), 2.0 / self.size * waves, precision="highest"
            )
            y = y + gliding_harmonics(turns, heard * self._at(p, series, frames, samples), HOP, even)
        return y * envelope(p, note, samples, ctx.sr)

    def _at(self, p: Values, series: Array, frames: np.ndarray, samples: int) -> Float[Array, "f k"]:
        """The series at the position of each of the `frames`."""
        if self.frames == 1:
            return jnp.broadcast_to(series, (frames.size, series.shape[1]))
        place = jnp.broadcast_to(p["position"], (samples,))[frames] * (self.frames - 1)
        near = jnp.maximum(1.0 - jnp.abs(place[:, None] - np.arange(self.frames)), 0.0)
        return jnp.matmul(near, series, precision="highest")
