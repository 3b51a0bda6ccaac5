"""Sampler: one recording, played at the pitch of each note."""

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
from ..dsp.sinc import HALF, dulled, read, travelled
from ._amplifier import AMPLIFIER, envelope
from ._phase import TUNE

LONGEST = 1 << 20  # samples of a recording
FADE_S = 2e-3  # before the end
START = Param("start", 0.0, 1.0, default=0.0)
END = Param("end", 0.0, 1.0, default=1.0)
LOOP = Param("loop_start", 0.0, 1.0, default=0.5)


@cache
def _plucked(length: int, made_at: int) -> tuple[float, ...]:
    """Middle C, dying away."""
    t, k = np.arange(length) / made_at, np.arange(1, 9)[:, None]
    partials = np.sin(2.0 * np.pi * 261.6256 * k * t) * 10.0 ** (-0.4 * k * t / t[-1]) / k**1.5
    return tuple(np.round(0.5 * (partials * (261.6256 * k < 0.45 * made_at)).sum(axis=0), 6).tolist())


@dataclass(frozen=True)
class Sampler(Synth):
    r"""$A(t)\,x(s + 2^{(p - r + \tau) / 12} f_x t)$ of the `recording` $x$, made at $f_x$ = `made_at` Hz: as it is at
    the pitch $r$, its `root`, and higher and faster above.

    It is played from `start` to `end`, shares of its length, and fades in the last 2 ms; one that `loops` goes from
    `end` back to `loop_start`, both at whole samples, as long as the note lasts. Between samples it is a windowed
    sinc's; above its own pitch what would be mirrored is taken off first, for the highest value of the curve that
    `tune_st` $\tau$ takes. The recording is a value of the preset, which no search moves: `from_file` and
    `from_samples` set it.

    Reference: Smith, Gossett, "A flexible sampling-rate conversion method", ICASSP, 1984.
    """

    length: Annotated[int, Meta(ge=2 * HALF, le=LONGEST)] = 8192
    made_at: Annotated[int, Meta(ge=1_000, le=768_000)] = 16_000
    loops: bool = False

    tail_s: ClassVar[float] = TAIL_S

    @property
    def params(self) -> tuple[Param, ...]:
        plain = _plucked(self.length, self.made_at)
        return (
            Param("recording", -1.0, 1.0, plain, shape=(self.length,), affine=True, data=True),
            Param("root", 0.0, 127.0, default=60.0),
            START,
            END,
            *((LOOP,) if self.loops else ()),
            TUNE,
            *AMPLIFIER,
        )

    @classmethod
    def from_file(cls, path: str | Path, root: float = 60.0, loops: bool = False) -> Self:
        """A recording, its channels averaged, at its own sample rate; raises `AudioError`."""
        from .. import audio

        recording = audio.load(path)
        return cls.from_samples(recording.samples.mean(axis=0), recording.sr, root, loops)

    @classmethod
    def from_samples(cls, samples: np.ndarray, sr: int, root: float = 60.0, loops: bool = False) -> Self:
        """Samples at a rate in Hz, turned down where they go beyond 1. Raises `AudioError` for too few or too many."""
        samples = np.asarray(samples, np.float64).ravel()
        if not 2 * HALF <= samples.size <= LONGEST:
            message = f"The recording has {samples.size} samples."
            raise AudioError("audio-length", message, f"Give {2 * HALF} to {LONGEST} of them.")
        samples = samples / max(1.0, np.abs(samples).max())
        return cls(samples.size, sr, loops).starting_at(recording=samples, root=root)

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        step = self.made_at / ctx.sr * 2.0 ** ((note.pitch - p["root"] + p["tune_st"]) / 12.0)
        whole, rest = travelled(step, samples, ctx.sr)
        begin = p["start"] * self.length
        rest = rest + begin - jnp.floor(begin) + note.late_samples * step
        whole, rest = whole + (jnp.floor(begin) + jnp.floor(rest)).astype(jnp.int32), rest - jnp.floor(rest)
        end = p["end"] * self.length
        if self.loops:
            x, whole, level = *self._looped(p, whole), 1.0
        else:
            x, level = p["recording"], jnp.clip((end - whole - rest) / (FADE_S * self.made_at), 0.0, 1.0)
        y = read(dulled(x, jnp.max(step)), whole, rest)
        return level * y * envelope(p, note, samples, ctx.sr)

    def _looped(self, p: Values, whole: Array) -> tuple[Array, Array]:
        """The recording with the loop's beginning once more behind its end, and where in it one is."""
        first = jnp.rint(jnp.minimum(p["loop_start"], p["end"]) * self.length).astype(jnp.int32)
        round_ = jnp.maximum(jnp.rint(p["end"] * self.length).astype(jnp.int32) - first, 2 * HALF)

        def back(n: Array, at: Array) -> Array:
            """Never beyond the loop's end and as much more."""
            return jnp.where(n >= at + round_, at + (n - at) % round_, n)

        n = back(jnp.arange(self.length + 4 * HALF), first)
        return jnp.pad(p["recording"], (0, 4 * HALF))[n], back(whole, first + 2 * HALF)
