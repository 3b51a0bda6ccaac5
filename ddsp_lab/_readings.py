"""What else a recording may have been played by than by the notes that are heard in it at first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ._heard import SURE, struck
from ._synth import Synth
from .dsp.midi_pitch import hz, midi
from .dsp.single_tone import lowest_mode
from .dsp.stiff_tone import stiff_pitch
from .dsp.tone_levels import spectral_peaks
from .dsp.transcribe import Heard
from .dsp.vibrato_fit import combs

LOWEST_HZ, HIGHEST_HZ = 27.5, 20_000.0
UNDER, UNSURE = 6, (2, 3)  # the deepest subharmonic, and those of every pitch that is not certain
SAME_ST = 0.003  # pitches nearer than this are one
CERTAIN = 0.98  # confidence from which a mode is not thought of
ON, BESIDE = (
    0.02,
    0.06,
)  # of a pitch: how near a peak is to its multiple, of a stretched one less; and what leaks from another
FEWEST = 0.15  # of the peaks, that only a subharmonic meets
FRAME_S, FAINT, ABOVE, QUIET = 0.005, 3e-3, 3.0, 0.03  # of a level; of its peak; of its least, which so much is below
LATE_S = 0.03  # that an onset may be late
APART_DB = 10.0  # that the level rises between notes that nobody takes for one
CLEAR = 10.0  # how clear a tone is that is two thirds sure: noise alone is 2 or 3
MOST = 9  # readings: each is a search of its own at first
GUESSED = 0.3  # confidence in a pitch that was not heard


def readings(heard: Heard, x: np.ndarray, sr: int, synths: Iterable[Synth] = ()) -> list[Heard]:
    """What is heard; then all of it as one note, where it is one or may be: at the pitch of a stiff string, at its
    subharmonics where partials lie between those of the pitch, and at those of its strongest and its lowest mode; and
    at those of two tones under a vibrato; and at those that the `synths` play.

    A sound whose fundamental is faint is heard above it, one with few even partials may be heard below, and the
    sidebands of a modulated tone belong to no pitch at all. Where the level rises much for more than one note,
    there are several, and nothing else is thought of. `x` is mono.
    """
    if np.count_nonzero(struck(x, sr, heard.onset_s, APART_DB)) > 1:
        return [heard]
    alone = _as_one(heard, x, sr)
    sounding = x[round(float(alone.onset_s[0]) * sr) :]
    peaks_hz, _ = spectral_peaks(sounding[: round(float(alone.duration_s[0]) * sr)], sr)
    pitch_hz = float(hz(alone.pitch[0]))
    found = [(pitch_hz, float(alone.confidence[0]))] if alone is not heard else []
    always = UNSURE if alone.confidence[0] < CERTAIN else ()
    bases = [pitch_hz, *(pitch_hz / n for n in range(2, UNDER + 1) if n in always or _between(peaks_hz, pitch_hz, n))]
    if peaks_hz.size and alone.confidence[0] < CERTAIN:
        bases += [float(peaks_hz[0]), lowest_mode(sounding, sr, LOWEST_HZ)[0]]
    for base in bases:
        if base >= LOWEST_HZ:
            near = abs(base / pitch_hz - 1.0) < ON
            found.append((stiff_pitch(sounding, sr, base)[0], float(alone.confidence[0]) if near else GUESSED))
    tones = _under_vibrato(sounding, sr) if alone.confidence[0] < CERTAIN else []
    several, known = [heard], [float(midi(pitch_hz))] if alone is heard else []
    if alone.confidence[0] == 0.0 and any(sure >= SURE for _, sure in tones):
        several, known, found = [], [], []  # what was heard is noise
    played = [(f, GUESSED) for synth in synths for f in synth.plays_hz(sounding, sr)]
    for one_hz, sure in [*tones, *played, *found]:
        pitch = float(midi(one_hz))
        if one_hz < HIGHEST_HZ and all(abs(pitch - other) > SAME_ST for other in known):
            known.append(pitch)
            several.append(replace(alone, pitch=np.array([pitch]), confidence=np.array([sure])))
    return several[:MOST]


def _under_vibrato(x: np.ndarray, sr: int) -> list[tuple[float, float]]:
    """Two tones that stand out of noise once their vibrato is taken away, and how sure each is."""
    tones = combs(x, sr)
    if tones is None:
        return []
    return [(f, 1.0 - np.exp(-clear / CLEAR)) for f, clear in zip(tones.f0_hz, tones.clear, strict=True)]


def _as_one(heard: Heard, x: np.ndarray, sr: int) -> Heard:
    """From where something sounds to the last end, at the pitch that sounds longest."""
    first = min(_begins_s(x, sr), float(heard.onset_s[0]))
    if heard.onset_s.size == 1 and heard.onset_s[0] - first < LATE_S:
        return heard
    longest = int(np.argmax(heard.duration_s * heard.velocity))
    last = min(heard.onset_s[-1] + heard.duration_s[-1], x.size / sr)
    return replace(
        heard,
        onset_s=np.array([first]),
        duration_s=np.array([last - first]),
        pitch=heard.pitch[longest : longest + 1],
        velocity=np.ones(1),
        confidence=np.minimum(heard.confidence[longest : longest + 1], GUESSED),
    )


def _begins_s(x: np.ndarray, sr: int) -> float:
    """Where the level leaves that of the background: a slow attack is not heard from its beginning."""
    size = max(1, round(FRAME_S * sr))
    level = np.sqrt(np.mean(np.square(x[: x.size // size * size].reshape(-1, size)), axis=1))
    least = max(FAINT * level.max(initial=0.0), ABOVE * float(np.quantile(level, QUIET)))
    sounds = np.flatnonzero(level > min(least, 0.5 * level.max(initial=0.0)))
    return float(sounds[0] * size / sr) if sounds.size else 0.0


def _between(peaks_hz: np.ndarray, f0_hz: float, n: int) -> bool:
    """Whether partials of the `n`-th subharmonic lie between those of the pitch."""
    if not peaks_hz.size:
        return False
    at, above = peaks_hz * n / f0_hz, peaks_hz / f0_hz
    between = (np.abs(at - np.rint(at)) < ON * (2.0 + 0.5 * np.minimum(at, 12.0))) & (
        np.abs(above - np.rint(above)) > BESIDE
    )
    return bool(np.mean(between) > FEWEST)
