"""What synths have in common: a voice for each note, each in a buffer no longer than it needs, and their sum."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ._automation import curves_in
from ._block import Audio, Block, Context, Values, nest
from ._notes import Notes
from ._param import Param
from .dsp.midi_pitch import hz

Scalar = Float[Array, ""]
MIDDLE = 60.0  # the pitch from which keys are counted
VOLUME = (
    Param("velocity_sensitivity", 0.0, 1.0, default=1.0),
    Param("level_db", -48.0, 12.0, default=0.0, unit="dB", automatable=True),
)


class Note(NamedTuple):
    """One note as a voice sees it.

    `late_samples`, in [0, 1), is how long after the note's onset the first sample of its buffer is, and `first` which
    sample of all that is played. `key` seeds what is random in it, another one for each note.
    """

    pitch: Scalar
    velocity: Scalar
    duration_s: Scalar
    late_samples: Scalar
    first: Int[Array, ""]
    key: Array

    @property
    def hz(self) -> Scalar:
        return hz(self.pitch)

    @property
    def above(self) -> Scalar:
        """How many times as high as `MIDDLE` it is: drums are tuned there."""
        return 2.0 ** ((self.pitch - MIDDLE) / 12.0)

    def lead(self, hz: Float[Array, "*k"], sr: int) -> Float[Array, "*k"]:
        """The cycles that have passed at the first sample of its buffer."""
        return self.late_samples * hz / sr

    def touch(self, p: Values) -> Scalar:
        r"""$1 - s + s v$ of the velocity $v$ and the sensitivity to it."""
        return 1.0 + p["velocity_sensitivity"] * (self.velocity - 1.0)

    def seconds(self, samples: int, sr: int) -> Float[Array, " t"]:
        """The time since its onset of each sample of its buffer."""
        return (jnp.arange(samples) + self.late_samples) / sr


@dataclass(frozen=True, kw_only=True)
class Synth(Block, abc.ABC):
    """A block that takes `Notes`: it says how one note sounds, `voice`, and how long after its end at most, `tail_s`.

    Voices know nothing of one another: what has to, stands after them in the chain. The audio has one channel. A curve
    given for an automatable parameter reaches each voice as the part that passes while its buffer does. Among its
    parameters are those of `VOLUME`, by which each voice is scaled.
    """

    family = "synths"
    takes = "notes"
    tail_s: ClassVar[float] = 1.0
    aliases: ClassVar[bool] = False  # whether what it makes beyond half the sample rate is heard below
    rings: ClassVar[bool] = False  # whether it dies away by itself, however long its note is
    pitched: ClassVar[bool] = True  # whether it sounds at the pitch of its note; drums are tuned at `MIDDLE`

    @abc.abstractmethod
    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        """The sound of a note, from its onset on: pure, a function of the time since then."""

    def sound(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        """The voice as loud as it is to be."""
        return note.touch(p) * 10.0 ** (p["level_db"] / 20.0) * self.voice(p, note, samples, ctx)

    def plays_hz(self, x: np.ndarray, sr: int) -> list[float]:
        """Pitches that a note, mono `x` from its onset on, may have been played at, be they heard in it or not."""
        return []

    def channels_out(self, channels: int) -> int:
        return 1

    def apply(self, p: Values, x: Notes, ctx: Context) -> Audio:
        return together(self, self.sound, self.tail_s, p, x, ctx)


def together(
    block: Block,
    sound: Callable[[Values, Note, int, Context], Float[Array, " samples"]],
    tail_s: float,
    p: Values,
    x: Notes,
    ctx: Context,
) -> Audio:
    """The sum of the `sound` of all notes, at a block's values and the part of its curves that passes meanwhile.

    A note that begins before the first sample is heard from its middle on.
    """
    length = x.samples(ctx.sr)
    size = max(1, ceil(min(x.longest_s + tail_s, x.length_s + x.early_s) * ctx.sr))
    numbers, curves = curves_in(block, p)
    curves = {k: jnp.pad(v, size, mode="edge") for k, v in curves.items()}
    began = jnp.round(jnp.asarray(ctx.start_s) * ctx.sr).astype(jnp.int32)

    def add(total: Float[Array, " t"], note: tuple[Any, ...]) -> tuple[Float[Array, " t"], None]:
        onset_s, duration_s, pitch, velocity, number = note
        exact = onset_s * ctx.sr
        first = jax.lax.stop_gradient(jnp.ceil(exact))
        key = jax.random.fold_in(ctx.seed, number)
        at = jnp.clip(first.astype(jnp.int32) + size, 0, size + length)
        now = numbers | {k: jax.lax.dynamic_slice_in_dim(v, at, size) for k, v in curves.items()}
        played = Note(pitch, velocity, duration_s, first - exact, began + first.astype(jnp.int32), key)
        y = jnp.where((velocity > 0.0) & (first < length), sound(nest(now), played, size, ctx), 0.0)
        heard = jax.lax.dynamic_slice_in_dim(total, at, size)
        return jax.lax.dynamic_update_slice_in_dim(total, heard + y, at, 0), None

    all_notes = (x.onset_s, x.duration_s, x.pitch, x.velocity, x.number)
    empty = jnp.zeros(size + length + size, jnp.result_type(float))
    if x.count == 1:
        total, _ = add(empty, jax.tree.map(lambda v: jnp.asarray(v)[0], all_notes))
    else:
        total, _ = jax.lax.scan(add, empty, jax.tree.map(jnp.asarray, all_notes))
    return total[None, size : size + length]
