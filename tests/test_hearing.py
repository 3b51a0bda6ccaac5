"""Pitch, onsets, loudness and notes, heard in sounds that are known exactly."""

import numpy as np
import pytest

from ddsp_lab._errors import AudioError
from ddsp_lab.dsp.f0 import track_f0
from ddsp_lab.dsp.loudness_track import track_loudness
from ddsp_lab.dsp.onsets import find_onsets
from ddsp_lab.dsp.transcribe import transcribe

SR = 44_100
SAW = tuple(1.0 / k for k in range(1, 41))


def noise(seconds=1.0, sr=SR, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * sr))


def tone(hz, amplitudes=SAW, seconds=0.6, sr=SR, fall=0.0, stretch=0.0):
    """Partials at `hz`, a number or a curve, that die `fall` times as fast as e a second, stretched as a string's."""
    t = np.arange(int(seconds * sr)) / sr
    hz = np.broadcast_to(hz, t.shape)
    turns, rng, x = np.cumsum(hz) / sr, np.random.default_rng(0), np.zeros(t.size)
    for k, a in enumerate(amplitudes, 1):
        ratio = k * np.sqrt(1.0 + stretch * k * k)
        if a > 0.0 and ratio * hz.max() < 0.45 * sr:
            x += a * np.exp(-fall * k * t) * np.cos(2.0 * np.pi * (ratio * turns + rng.uniform()))
    return 0.2 * x / np.sqrt(np.mean(x**2))


def cents(track, hz):
    """How far off each frame is that the tone fills, all of which have to be voiced."""
    inside = slice(10, -10)
    assert np.mean(track.voiced[inside]) > 0.98
    return 1200.0 * np.log2(track.f0_hz[inside] / (hz if np.isscalar(hz) else hz[inside]))


STEADY = {
    "low saw": (30.0, SAW, SR),
    "low sine": (30.0, (1.0,), SR),
    "saw": (311.1, SAW, SR),
    "high saw": (4000.0, SAW, SR),
    "high sine": (4000.0, (1.0,), SR),
    "four samples a period": (4000.0, (1.0,), 16_000),
    "fewer than three": (3111.0, (1.0,), 8000),
    "fast rate": (1234.5, SAW, 96_000),
    "no fundamental": (220.0, (0.0, *SAW[1:]), SR),
    "from the fourth partial": (110.0, (0.0, 0.0, 0.0, *SAW[3:]), SR),
    "odd partials": (220.0, tuple(a * (k % 2 == 0) for k, a in enumerate(SAW)), SR),
    "faint odd partials": (220.0, tuple(a * (k % 2 or 0.1) for k, a in enumerate(SAW)), SR),
    "faint but for thirds": (220.0, tuple(a * (k % 3 == 2 or 0.1) for k, a in enumerate(SAW)), SR),
}


@pytest.mark.parametrize("name", STEADY)
def test_a_steady_tone_is_heard_within_a_cent(name):
    hz, amplitudes, sr = STEADY[name]
    assert np.max(np.abs(cents(track_f0(tone(hz, amplitudes, sr=sr), sr), hz))) < 1.0


@pytest.mark.parametrize("hz", [40.0, 100.0, 1000.0, 4000.0])
def test_20_db_of_noise_move_it_little(hz):
    x = tone(hz)
    off = cents(track_f0(x + 0.2 * noise(0.6), SR), hz)
    assert np.median(np.abs(off)) < 2.0
    assert np.max(np.abs(off)) < 25.0


def test_a_string_is_heard_near_its_fundamental_as_that_dies_away():
    hz = 110.0
    assert np.max(np.abs(cents(track_f0(tone(hz, fall=2.0, stretch=1e-4), SR), hz))) < 20.0


def test_vibrato_and_glides_are_followed():
    t = np.arange(SR) / SR
    for hz in (440.0 * 2.0 ** (0.5 / 12.0 * np.sin(12.0 * np.pi * t)), 100.0 * 4.0**t):
        found = track_f0(tone(hz, seconds=1.0), SR)
        off = cents(found, np.interp(found.time_s, t, hz))
        assert np.mean(np.abs(off) < 10.0) > 0.95


def test_what_has_no_pitch_has_no_voice():
    for x in (noise(), np.zeros(SR), np.ones(SR), np.zeros(3)):
        found = track_f0(x, SR)
        assert not np.any(found.voiced)
        assert np.median(found.confidence) < 0.2
        assert np.all(np.isfinite(found.f0_hz))


def line(notes, fall=0.0, attack_s=0.003):
    """Saws of (onset, duration, MIDI pitch) one after the other, a fifth of a second more after the last."""
    x = np.zeros(int((max(o + d for o, d, _ in notes) + 0.2) * SR))
    for onset, duration, pitch in notes:
        t = np.arange(int(duration * SR)) / SR
        edges = np.minimum(t / attack_s, 1.0) * np.minimum((duration - t) / 0.01, 1.0)
        start = int(onset * SR)
        note = edges * tone(440.0 * 2.0 ** ((pitch - 69.0) / 12.0), seconds=duration + 0.01, fall=fall)[: t.size]
        x[start : start + t.size] += note
    return x


def hit(seconds=0.5):
    t = np.arange(int(seconds * SR)) / SR
    return 2.0 * np.exp(-30.0 * t) * noise(seconds)


TIMES = (0.1, 0.35, 0.6, 0.9, 1.0, 1.1)
LASTS = (0.24, 0.24, 0.29, 0.09, 0.09, 0.2)
LINES = {
    "rising": line([(o, d, 55 + 2 * i) for i, (o, d) in enumerate(zip(TIMES, LASTS, strict=True))]),
    "repeated": line([(o, d, 60) for o, d in zip(TIMES, LASTS, strict=True)]),
    "repeated low": line([(o, d, 28) for o, d in zip(TIMES, LASTS, strict=True)]),
    "plucked again while it rings": line([(o, 0.8, 60) for o in TIMES], fall=1.0),
    "hits": sum(np.pad(hit(), (round(o * SR), 2 * SR))[: 2 * SR] for o in TIMES),
}


@pytest.mark.parametrize("name", LINES)
def test_onsets_are_heard_to_two_milliseconds(name):
    found = find_onsets(LINES[name], SR)
    assert found.time_s == pytest.approx(TIMES, abs=0.002)
    assert np.all(found.novelty > 0.1)


def test_a_hit_may_begin_with_the_first_sample():
    kick = tone(60.0 + 200.0 * np.exp(-np.arange(SR) / 1000.0), (1.0,), 1.0) * np.exp(-np.arange(SR) / 5000.0)
    for x in (hit(), kick, hit(0.05)):
        assert find_onsets(x, SR).time_s == pytest.approx([0.0], abs=0.001)


def test_vibrato_noise_and_an_abrupt_end_are_no_onsets():
    t = np.arange(SR) / SR
    vibrato = tone(440.0 * 2.0 ** (0.5 / 12.0 * np.sin(12.0 * np.pi * t)), seconds=1.0)
    for x in (vibrato, noise(), tone(100.0, (1.0,), 1.0)):
        assert find_onsets(np.pad(x, (SR // 5, 0)), SR).time_s == pytest.approx([0.2], abs=0.001)
    for x in (np.zeros(SR), np.zeros(5)):
        assert find_onsets(x, SR).time_s.size == 0


@pytest.mark.parametrize("sr", [8000, 44_100, 96_000])
def test_loudness_is_a_weighted_power(sr):
    t = np.arange(sr) / sr
    inside = slice(20, -20)
    for hz, gain_db in ((1000.0, 0.0), (100.0, -19.1), (2000.0, 1.2)):  # IEC 61672-1, table 3
        track = track_loudness(np.sin(2.0 * np.pi * hz * t), sr)
        assert len(track) == len(track_f0(t[: sr // 10], sr).time_s) + 180
        assert track[inside] == pytest.approx(np.full(161, gain_db - 3.01), abs=0.15)
    assert np.all(track_loudness(np.zeros(sr), sr) == -100.0)


PITCHES = {"rising": range(55, 67, 2), "repeated": [60] * 6, "repeated low": [28] * 6}


@pytest.mark.parametrize("name", PITCHES)
def test_a_line_is_heard_note_by_note(name):
    found = transcribe(LINES[name], SR)
    assert found.onset_s == pytest.approx(TIMES, abs=0.002)
    assert found.pitch == pytest.approx(list(PITCHES[name]), abs=0.1)
    assert found.duration_s == pytest.approx(LASTS, abs=0.025)
    assert found.velocity.max() == 1.0
    assert np.all(found.confidence > 0.8)
    assert found.remarks == ()


def test_notes_plucked_again_while_they_ring_are_notes():
    found = transcribe(LINES["plucked again while it rings"], SR)
    assert found.onset_s == pytest.approx(TIMES, abs=0.002)
    assert found.pitch == pytest.approx([60.0] * 6, abs=0.02)


def test_velocity_squared_is_the_level():
    soft = line([(0.1, 0.3, 60), (0.5, 0.3, 64)])
    soft[: int(0.45 * SR)] *= 0.25
    assert transcribe(soft, SR).velocity == pytest.approx([0.5, 1.0], abs=0.02)


def stepping(*pitches, seconds=0.2):
    """One tone whose pitch jumps, with no other change."""
    midi = np.repeat(pitches, int(seconds * SR))
    return tone(440.0 * 2.0 ** ((midi - 69.0) / 12.0), SAW[:12], seconds * len(pitches))


def test_a_slur_is_two_notes_and_vibrato_and_a_glide_are_one():
    slur = transcribe(stepping(60, 61, 60), SR)
    assert slur.pitch == pytest.approx([60.0, 61.0, 60.0], abs=0.02)
    assert slur.onset_s == pytest.approx([0.0, 0.2, 0.4], abs=0.01)
    t = np.arange(SR) / SR
    vibrato = transcribe(tone(440.0 * 2.0 ** (0.6 / 12.0 * np.sin(12.0 * np.pi * t)), seconds=1.0), SR)
    assert vibrato.pitch == pytest.approx([69.0], abs=0.05)
    assert vibrato.confidence[0] > 0.9
    bend = np.clip((t - 0.1) / 0.2, 0.0, 1.0)
    assert transcribe(tone(220.0 * 2.0 ** (3.0 / 12.0 * bend), seconds=1.0), SR).pitch[-1] == pytest.approx(
        60.0, abs=0.1
    )
    assert len(transcribe(tone(100.0 * 2.0**t, seconds=1.0), SR).pitch) == 1


@pytest.mark.parametrize(("hz", "stretch"), [(41.2, 2e-4), (110.0, 3e-4), (1046.5, 2e-3)])
def test_the_pitch_of_a_stiff_string_is_its_lowest_partial(hz, stretch):
    found = transcribe(tone(hz, stretch=stretch, seconds=1.0), SR)
    assert found.pitch == pytest.approx([69.0 + 12.0 * np.log2(hz * np.sqrt(1.0 + stretch) / 440.0)], abs=0.05)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_note_in_noise_has_its_pitch(rate):
    for hz in (32.7, 220.0, 2093.0):
        x = np.pad(tone(hz, sr=rate), rate // 5) + 0.2 * noise(0.6 + 0.4, rate)[: int(0.6 * rate) + 2 * (rate // 5)]
        found = transcribe(x, rate)
        best = int(np.argmax(found.confidence))
        assert found.pitch[best] == pytest.approx(69.0 + 12.0 * np.log2(hz / 440.0), abs=0.05)
        assert found.onset_s[best] == pytest.approx(0.2, abs=0.03)


def test_a_hit_without_a_pitch_is_one_note_of_no_confidence():
    found = transcribe(hit(), SR)
    assert len(found.pitch) == 1
    assert (found.onset_s[0], found.confidence[0]) == (0.0, 0.0)
    assert "1 of 1 notes sound without a pitch" in found.remarks[0]
    t = np.arange(SR // 2) / SR
    blip = (
        np.exp(-150.0 * t) * np.sin(2.0 * np.pi * 800.0 * t) + 0.05 * hit()
    )  # too short for a pitch, but it has a mode
    found = transcribe(blip, SR)
    assert found.pitch[0] == pytest.approx(69.0 + 12.0 * np.log2(800.0 / 440.0), abs=0.3)
    for x in (noise(), noise(0.3, 8000)):
        assert np.all(transcribe(x, SR).confidence < 0.2)


CHORDS = {f"{i} semitones": (0, i) for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16)} | {"triad": (0, 4, 7)}


@pytest.mark.parametrize("amplitudes", [SAW, (1.0,)], ids=["saw", "sine"])
@pytest.mark.parametrize("chord", CHORDS)
def test_several_tones_at_once_are_no_sure_pitch(chord, amplitudes):
    x = sum(tone(220.0 * 2.0 ** (i / 12.0), amplitudes, 0.8) for i in CHORDS[chord])
    found = transcribe(x, SR)
    assert np.max(found.confidence) < 0.5
    assert found.remarks


REFUSED = {
    "silence": (np.zeros(SR), "hear-silence"),
    "nearly silence": (1e-6 * noise(), "hear-silence"),
    "three samples": (np.zeros(3), "hear-silence"),
    "two channels": (np.ones((2, SR)), "audio-shape"),
    "no samples": (np.zeros(0), "audio-shape"),
    "not a number": (np.append(noise(), np.nan), "audio-not-finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_line_is_refused(name):
    x, code = REFUSED[name]
    with pytest.raises(AudioError) as error:
        transcribe(x, SR)
    assert error.value.code == code
