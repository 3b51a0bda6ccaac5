"""What a note tells of the waves, the noise and the moving filter that may have made it."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float

from .._block import Values
from .._param import Param
from ..dsp.filter_fit import Track, movement, noise_levels, passed, tracks
from ..dsp.svf import Plain
from ..dsp.vibrato_fit import Combs, combs
from ..dsp.wave_fit import nearest_waves, wave_harmonics
from ._heard import Heard, amplifier_guess

WAVES = ((2.0, 0.5), (3.0, 0.5), (3.0, 0.25), (3.0, 0.1), (2.5, 0.3), (1.0, 0.5), (1.5, 0.5), (0.0, 0.5))  # tried
HARMONICS, FRAMES, GUESSES = 40, 24, 3
ALONE = {"osc2_tune_st": 0.05, "osc_mix": 0.2, "vibrato_st": 0.0}  # of an oscillator beside which none is heard
NOISY, CLEAREST = 0.1, 8  # noise that tells of the filter; harmonics that do of a wave under it
SAME_ST = 0.3  # from the note: a tone that is no other


@cache
def _wave_table() -> Float[np.ndarray, "waves k"]:
    shapes, widths = np.array(WAVES).T
    return wave_harmonics(shapes, widths, HARMONICS)


def filtered_waves(heard: Heard, params: tuple[Param, ...], kind: Plain, stages: int) -> list[Values]:
    """Settings of `subtractive`: by its harmonics, the waves that a filter of so many `stages` brings nearest to the
    note; where there is noise, first of all those that the filter leaves which the noise shows."""
    common = amplifier_guess(heard, params)
    tones = combs(heard.x, heard.sr)
    if tones is not None and (which := _of(tones, heard.f0_hz)) is not None:
        common |= _pair(tones, which, params, heard.sr)
        heard = heard.steadied(tones.rate_hz, tones.depth_st)
    body = np.flatnonzero(heard.body)
    body = body[np.linspace(0, body.size - 1, min(FRAMES, body.size)).astype(int)]
    time_s = heard.time_s[body]
    levels, hz = heard.harmonics(HARMONICS)[body], heard.f0_hz * np.arange(1, HARMONICS + 1)
    found = tracks(levels, hz, _wave_table(), kind, stages, heard.sr)[:GUESSES]
    beside = np.square(heard.level[body]).sum() / (0.5 * np.square(levels).sum() + 1e-12) - 1.0
    common = ALONE | {"noise": float(np.sqrt(np.clip(beside, 0.0, 1.0)))} | common
    guesses = [_guess(track, WAVES[track.wave], heard, time_s, params) for track in found]
    if common["noise"] > NOISY:
        dense, band_hz = noise_levels(heard.x, heard.sr, np.minimum(body * heard.hop, heard.x.size - 1))
        (track,) = tracks(dense, band_hz, np.ones((1, band_hz.size)), kind, stages, heard.sr)
        tone = levels.sum(axis=0) / (passed(track, hz, kind, stages, heard.sr).sum(axis=0) + 1e-6)
        guesses.insert(0, _guess(track, nearest_waves(tone[:CLEAREST], 1)[0], heard, time_s, params))
    return [guess | common for guess in guesses]


def _pair(tones: Combs, which: int, params: tuple[Param, ...], sr: int) -> Values:
    """Both oscillators and the noise, under the vibrato. The filter passes a tone and the noise about it alike."""
    known = {q.name: q for q in params}
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


def _guess(
    track: Track, wave: tuple[float, float], heard: Heard, time_s: Float[np.ndarray, " n"], params: tuple[Param, ...]
) -> Values:
    """A track of cutoffs as the filter's envelope: it falls to where it ends, or rises to there and stays."""
    (shape, width), move = wave, movement(track.cutoff_hz, time_s)
    rises = move.end_st > move.start_st
    base_st = (move.start_st if rises else move.end_st) + 12.0 * np.log2(440.0 / heard.f0_hz)
    known = {q.name: q for q in params}
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
