"""Oscillator: one wave a note, or several that beat against one another."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._adsr import TAIL_S
from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import Note, Synth
from ..dsp.band_limited import blend
from ..dsp.hard_sync import synced
from ..dsp.wave_fit import nearest_waves
from ._amplifier import AMPLIFIER, envelope
from ._heard import amplifier_guess, telling_note
from ._phase import HIGHEST, TUNE, phase

SHAPE = Param("shape", 0.0, 3.0, default=2.0, automatable=True)
WIDTH = Param("width", 0.05, 0.95, default=0.5, automatable=True)
SYNC = Param("sync_st", 0.0, 48.0, default=7.0, unit="st", automatable=True)
GUESSES = 3  # at the wave
DETUNE = Param("detune_cents", 0.0, 100.0, default=15.0, unit="cents")


@dataclass(frozen=True)
class Oscillator(Synth):
    r"""A band-limited wave under an envelope: sine at `shape` 0, triangle at 1, saw at 2, pulse of `width` at 3, mixed
    between.

    With `sync`, the wave is `sync_st` semitones higher than the note and begun anew in each of the note's periods: the
    pitch stays, the formant moves. With `unison`, that many, evenly from `-detune_cents` to `detune_cents`, begin
    anywhere in their cycles; their sum is divided by $\sqrt{n}$. The envelope rises, falls and dies away like a
    capacitor's voltage, from the share `gate` of the note's duration on, and is scaled by $1 - s + s v$, $v$ the note's
    velocity and $s$ its sensitivity.

    References: Välimäki, Pekonen, Nam, "Perceptually informed synthesis of bandlimited classical waveforms using
    integrated polynomial interpolation", Journal of the Acoustical Society of America 131(1), 2012; Brandt, "Hard sync
    without aliasing", ICMC, 2001.
    """

    unison: Annotated[int, Meta(ge=1, le=9)] = 1
    sync: bool = False

    tail_s: ClassVar[float] = TAIL_S

    @property
    def in_phase(self) -> bool:
        return self.unison == 1

    @property
    def params(self) -> tuple[Param, ...]:
        own = *((SYNC,) if self.sync else ()), *((DETUNE,) if self.unison > 1 else ())
        return (SHAPE, WIDTH, TUNE, *own, *AMPLIFIER)

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        if self.unison == 1:
            turns, per_sample = phase(note, p["tune_st"], samples, ctx.sr)
            wave = self._wave(p, turns, per_sample)
        else:
            starts = jax.random.uniform(note.key, (self.unison,))
            wave = jnp.zeros(samples)
            for start, place in zip(starts, np.linspace(-0.01, 0.01, self.unison), strict=True):
                turns, per_sample = phase(note, p["tune_st"] + place * p["detune_cents"], samples, ctx.sr)
                wave = wave + self._wave(p, turns + start, per_sample)
            wave = wave / np.sqrt(self.unison)
        return wave * envelope(p, note, samples, ctx.sr)

    def _wave(self, p: Values, turns: Float[Array, " t"], per_sample: Float[Array, "*t"]) -> Float[Array, " t"]:
        if not self.sync:
            return blend(turns, per_sample, p["shape"], p["width"])
        ratio = jnp.minimum(2.0 ** (p["sync_st"] / 12.0), HIGHEST / per_sample)
        return synced(turns, per_sample, ratio, p["shape"], p["width"])

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The waves whose harmonics are nearest to those of the note that stands out most, under its envelope."""
        heard = telling_note(source, reference, ctx.sr)
        if heard is None:
            return []
        guess = amplifier_guess(heard, self.params)
        tone = np.sqrt(np.mean(np.square(heard.harmonics(64)[heard.body]), axis=0))
        return [guess | {"shape": s, "width": w} for s, w in nearest_waves(tone, GUESSES)]
