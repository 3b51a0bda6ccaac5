"""Six operators that modulate one another: the frequency modulation of Yamaha's DX7, in its own numbers."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from msgspec import Meta

from .._block import Context, Values
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp import dx7_numbers as dx7
from ..dsp.midi_pitch import hz
from ..dsp.phase import steady
from ..dsp.six_operators import ALGORITHMS, six_operators

HIGHEST = 0.45  # of the sample rate
STAGES = range(1, 5)
ROW = (6,)  # operator 1 first
FADE_S = 0.5  # at the end of the longest tail

CARRIERS = (99.0, 78.0, 99.0, 62.0, 99.0, 70.0)
RATES = ((95.0, 95.0, 95.0, 95.0, 95.0, 95.0), (35.0, 50.0, 40.0, 50.0, 38.0, 45.0), 25.0, 67.0)
LEVELS = (99.0, 85.0, 0.0, 0.0)
OPERATORS = (
    *(Param(f"rate_{i}", 0, 99, default, shape=ROW) for i, default in zip(STAGES, RATES, strict=True)),
    *(Param(f"level_{i}", 0, 99, default, shape=ROW) for i, default in zip(STAGES, LEVELS, strict=True)),
    Param("output_level", 0, 99, CARRIERS, shape=ROW),
    Param("coarse", 0, 31, (1.0, 14.0, 1.0, 1.0, 1.0, 1.0), scale="integer", shape=ROW),
    Param("fine", 0, 99, 0.0, shape=ROW),
    Param("detune", -7, 7, (3.0, 0.0, 0.0, 0.0, -7.0, 7.0), shape=ROW),
    Param("fixed", 0, 1, 0, scale="integer", shape=ROW),
    Param("touch", 0, 7, (2.0, 6.0, 2.0, 6.0, 2.0, 6.0), shape=ROW),
    Param("rate_scaling", 0, 7, 3.0, shape=ROW),
)
KEYS = (
    Param("break_point", 0, 99, 39, scale="integer", shape=ROW),
    *(Param(f"{side}_depth", 0, 99, 0.0, shape=ROW) for side in ("left", "right")),
    *(Param(f"{side}_curve", 0, 3, 0, scale="integer", shape=ROW) for side in ("left", "right")),
)
COMMON = (
    Param("feedback", 0, 7, 6.0),
    Param("transpose_st", -24, 24, 0, unit="st", scale="integer"),
    replace(VOLUME[0], default=0.0),  # operators have a touch of their own
    *VOLUME[1:],
)


@dataclass(frozen=True)
class Fm6(Synth):
    r"""$\tfrac1n \sum_{i \in C} o_i$ of the carriers $C$ of an `algorithm`, of operators that move one another,
    $o_i = a_i \sin(2\pi f_i t + 4\pi \sum_j o_j)$; round one loop goes `feedback`, half a turn at 6, a whole one at 7.

    Parameters and their ranges are the instrument's, one of each for operators 1 to 6: an envelope from `rate_1` to
    `rate_4` and from `level_1` to `level_4`; `output_level`; `coarse`, `fine` and `detune`, of the note's frequency or
    `fixed`; how much velocity counts, `touch`; quicker envelopes at higher keys, `rate_scaling`. With `key_levels`,
    levels follow the keys: `break_point`, and on either side a depth and a curve (falling straight, falling bent,
    rising bent, rising straight). At whole numbers they are what the instrument makes of them; those that are amounts
    may stand between, so that a search can follow slopes, and `ddsp_lab.write_dx7` rounds them. The slopes of strong
    feedback are approximate. Vibrato and pitch envelope are not part of it. What sounds 4 s after a note's end fades.

    References: Chowning, "The synthesis of complex audio spectra by means of frequency modulation", Journal of the
    Audio Engineering Society 21(7), 1973; Levien, "Music synthesizer for Android", 2012.
    """

    algorithm: Annotated[int, Meta(ge=1, le=32)] = 5
    key_levels: bool = False

    tail_s: ClassVar[float] = 4.0
    surrogate_gradient: ClassVar[bool] = True  # that of a line through the instrument's steps

    @property
    def params(self) -> tuple[Param, ...]:
        return (*OPERATORS, *(KEYS if self.key_levels else ()), *COMMON)

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        pitch, t = note.pitch + p["transpose_st"], note.seconds(samples, ctx.sr)
        tuned_hz = dx7.operator_hz(hz(pitch), p["coarse"], p["fine"], p["detune"], p["fixed"])
        tuned_hz = jnp.minimum(tuned_hz, HIGHEST * ctx.sr)[:, None]
        turns = steady(tuned_hz, jnp.arange(samples, dtype=jnp.int32), ctx.sr) + note.lead(tuned_hz, ctx.sr)

        fast = dx7.speed(
            jnp.stack([p[f"rate_{i}"] for i in STAGES], axis=1), dx7.quicker(pitch, p["rate_scaling"])[:, None]
        )
        levels = dx7.envelope_doublings(jnp.stack([p[f"level_{i}"] for i in STAGES], axis=1))
        full = dx7.output_doublings(p["output_level"])
        if self.key_levels:
            scaling = dx7.Scaling(*(p[q.name] for q in KEYS))
            full = jnp.minimum(full + dx7.key_doublings(pitch, scaling), 0.0)
        full = full + dx7.touch_doublings(note.velocity, p["touch"])
        amplitudes = jax.vmap(lambda *own: dx7.envelope(t, note.duration_s, *own))(fast, levels, full)

        y = six_operators(turns, amplitudes, p["feedback"], self.algorithm) / len(
            ALGORITHMS[self.algorithm - 1].carriers
        )
        left_s = note.duration_s + self.tail_s - t
        return y * jnp.clip(left_s / FADE_S, 0.0, 1.0)
