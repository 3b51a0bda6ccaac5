"""Subtractive synth: two oscillators and noise through a filter that an envelope moves."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._adsr import TAIL_S, envelope_params
from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import MIDDLE, Note, Synth
from ..dsp.band_limited import blend
from ..dsp.noise import uniform
from ..dsp.svf import plain_section
from ..dsp.trig import sine
from ..dsp.varying import filtered
from ._amplifier import AMPLIFIER, envelope
from ._filtered_waves import filtered_waves
from ._heard import telling_note
from ._phase import TUNE, phase
from .oscillator import SHAPE, WIDTH

LOWEST_HZ, HIGHEST = 16.0, 0.45  # where a moving cutoff is held; of the sample rate


@dataclass(frozen=True)
class Subtractive(Synth):
    r"""$y = a(t)\,F_{f(t)}[(1 - m)\,o_1 + m\,o_2 + n\,w]$: two band-limited oscillators, mixed by `osc_mix`, and white
    noise, through a trapezoidal state-variable filter, under an amplifier's envelope.

    The filter's cutoff is $f(t) = f_c\, 2^{(k (p - 60) + e\,E(t)) / 12}$ with $k$ the `key_tracking`, $p$ the note,
    $e$ the `filter_env_st` and $E$ an envelope of its own; `steep` has two filters in a row, 24 dB an octave, each with
    the square root of `q`. All is tuned by `tune_st`, the second oscillator by `osc2_tune_st` beside it, and
    a vibrato of `lfo_rate_hz` moves both by `vibrato_st`.

    References: Zavalishin, "The Art of VA Filter Design", Native Instruments, 2018, chapters 4 and 5; oscillators as in
    `oscillator`.
    """

    kind: Literal["low_pass", "band_pass", "high_pass"] = "low_pass"
    steep: bool = False

    tail_s: ClassVar[float] = TAIL_S
    noise: ClassVar[tuple[str, ...]] = ("noise",)
    params = (
        TUNE,
        *(replace(q, name=f"{k}_{q.name}") for k in ("osc1", "osc2") for q in (SHAPE, WIDTH)),
        replace(TUNE, name="osc2_tune_st", default=0.1),
        Param("osc_mix", 0.0, 1.0, default=0.5, automatable=True),
        Param("noise", 0.0, 1.0, default=0.0, automatable=True),
        Param("cutoff_hz", 20.0, 20000.0, default=2000.0, unit="Hz", scale="log", automatable=True),
        Param("q", 0.5, 20.0, default=0.707, scale="log"),
        Param("key_tracking", 0.0, 1.0, default=0.5),
        Param("filter_env_st", -60.0, 60.0, default=24.0, unit="st"),
        *envelope_params("filter_", decay_ms=300.0, sustain=0.3),
        Param("lfo_rate_hz", 0.1, 20.0, default=5.0, unit="Hz", scale="log"),
        Param("vibrato_st", 0.0, 2.0, default=0.0, unit="st"),
        *AMPLIFIER,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        sr, t = ctx.sr, note.seconds(samples, ctx.sr)
        tune_st = p["tune_st"] + p["vibrato_st"] * sine(p["lfo_rate_hz"] * t)

        def oscillator(k: str, tune_st: Float[Array, " t"]) -> Float[Array, " t"]:
            turns, per_sample = phase(note, tune_st, samples, sr)
            return blend(turns, per_sample, p[f"{k}_shape"], p[f"{k}_width"])

        first, second = oscillator("osc1", tune_st), oscillator("osc2", tune_st + p["osc2_tune_st"])
        noise = uniform(note.key, (samples,))
        mixed = (1.0 - p["osc_mix"]) * first + p["osc_mix"] * second + p["noise"] * noise
        opened = p["filter_env_st"] * envelope(p, note, samples, sr, "filter_")
        cutoff_hz = p["cutoff_hz"] * jnp.exp2((p["key_tracking"] * (note.pitch - MIDDLE) + opened) / 12.0)
        cutoff_hz = jnp.clip(cutoff_hz, LOWEST_HZ, HIGHEST * sr)
        stages = 2 if self.steep else 1
        section = plain_section(self.kind, cutoff_hz, p["q"] ** (1.0 / stages), sr)
        y = mixed[None]
        for _ in range(stages):
            _, y = filtered(section, y, jnp.zeros((1, 2), y.dtype))
        return y[0] * envelope(p, note, samples, sr)

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The waves that a moving filter brings nearest to the note that stands out most, steadied where it has a
        vibrato: one oscillator, another that is heard beside it, and what is beside both as noise."""
        heard = telling_note(source, reference, ctx.sr)
        return [] if heard is None else filtered_waves(heard, self.params, self.kind, 2 if self.steep else 1)
