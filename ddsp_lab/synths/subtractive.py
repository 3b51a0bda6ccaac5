"""Subtractive synth: two oscillators and noise through a filter that an envelope moves."""

from dataclasses import dataclass, replace
from functools import cache
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
from ..dsp.filter_fit import Track, movement, noise_levels, passed, tracks
from ..dsp.noise import uniform
from ..dsp.svf import plain_section
from ..dsp.trig import sine
from ..dsp.varying import filtered
from ..dsp.vibrato_fit import Combs, combs
from ..dsp.wave_fit import nearest_waves, wave_harmonics
from ._amplifier import AMPLIFIER, envelope
from ._heard import Heard, amplifier_guess, telling_note
from ._phase import TUNE, phase
from .oscillator import SHAPE, WIDTH

WAVES = ((2.0, 0.5), (3.0, 0.5), (3.0, 0.25), (3.0, 0.1), (2.5, 0.3), (1.0, 0.5), (1.5, 0.5), (0.0, 0.5))  # tried
HARMONICS, FRAMES, GUESSES = 40, 24, 3
ALONE = {"osc2_tune_st": 0.05, "osc_mix": 0.2, "vibrato_st": 0.0}  # of an oscillator beside which none is heard
NOISY, CLEAREST = 0.1, 8  # noise that tells of the filter; harmonics that do of a wave under it
SAME_ST = 0.3  # from the note: a tone that is no other
LOWEST_HZ, HIGHEST = 16.0, 0.45  # where a moving cutoff is held; of the sample rate


@cache
def _wave_table() -> Float[np.ndarray, "waves k"]:
    shapes, widths = np.array(WAVES).T
    return wave_harmonics(shapes, widths, HARMONICS)


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
        if heard is None:
            return []
        common = amplifier_guess(heard, self.params)
        tones = combs(heard.x, ctx.sr)
        if tones is not None and (which := _of(tones, heard.f0_hz)) is not None:
            common |= self._pair(tones, which, ctx.sr)
            heard = heard.steadied(tones.rate_hz, tones.depth_st)
        body = np.flatnonzero(heard.body)
        body = body[np.linspace(0, body.size - 1, min(FRAMES, body.size)).astype(int)]
        time_s, stages = heard.time_s[body], 2 if self.steep else 1
        levels, hz = heard.harmonics(HARMONICS)[body], heard.f0_hz * np.arange(1, HARMONICS + 1)
        found = tracks(levels, hz, _wave_table(), self.kind, stages, ctx.sr)[:GUESSES]
        beside = np.square(heard.level[body]).sum() / (0.5 * np.square(levels).sum() + 1e-12) - 1.0
        common = ALONE | {"noise": float(np.sqrt(np.clip(beside, 0.0, 1.0)))} | common
        guesses = [self._guess(track, WAVES[track.wave], heard, time_s) for track in found]
        if common["noise"] > NOISY:
            dense, band_hz = noise_levels(heard.x, ctx.sr, np.minimum(body * heard.hop, heard.x.size - 1))
            (track,) = tracks(dense, band_hz, np.ones((1, band_hz.size)), self.kind, stages, ctx.sr)
            tone = levels.sum(axis=0) / (passed(track, hz, self.kind, stages, ctx.sr).sum(axis=0) + 1e-6)
            guesses.insert(0, self._guess(track, nearest_waves(tone[:CLEAREST], 1)[0], heard, time_s))
        return [guess | common for guess in guesses]

    def _pair(self, tones: Combs, which: int, sr: int) -> Values:
        """Both oscillators and the noise, under the vibrato. The filter passes a tone and the noise about it alike."""
        known = {q.name: q for q in self.params}
        own_hz, other_hz = tones.f0_hz[which], tones.f0_hz[1 - which]
        own, other = tones.over[which], tones.over[1 - which]
        found = {
            "osc2_tune_st": 12.0 * np.log2(other_hz / own_hz),
            "osc_mix": other / (own + other),
            "noise": np.sqrt(1.5 * sr) / (own + other),
            "lfo_rate_hz": tones.rate_hz,
            "vibrato_st": tones.depth_st,
        }
        return {k: float(np.clip(v, known[k].low, known[k].high)) for k, v in found.items()}

    def _guess(self, track: Track, wave: tuple[float, float], heard: Heard, time_s: Float[np.ndarray, " n"]) -> Values:
        """A track of cutoffs as the filter's envelope: it falls to where it ends, or rises to there and stays."""
        (shape, width), move = wave, movement(track.cutoff_hz, time_s)
        rises = move.end_st > move.start_st
        base_st = (move.start_st if rises else move.end_st) + 12.0 * np.log2(440.0 / heard.f0_hz)
        known = {q.name: q for q in self.params}
        waves = {"osc1_shape": shape, "osc1_width": width, "osc2_shape": shape, "osc2_width": width}
        moved = {
            "cutoff_hz": heard.f0_hz * 2.0 ** (base_st / 12.0),
            "q": track.q,
            "filter_env_st": abs(move.end_st - move.start_st),
            "filter_attack_ms": 2e3 * move.half_s if rises else 1.0,
            "filter_decay_ms": 6e3 * move.half_s,
            "filter_sustain": float(rises),
        }
        fixed = {"tune_st": 0.0, "key_tracking": 0.0}
        return fixed | waves | {k: float(np.clip(v, known[k].low, known[k].high)) for k, v in moved.items()}


def _of(tones: Combs, f0_hz: float) -> int | None:
    """Which of two tones is the note that is played, if one is."""
    off = np.abs(np.log2(np.array(tones.f0_hz) / f0_hz))
    return int(np.argmin(off)) if off.min() < SAME_ST / 12.0 else None
