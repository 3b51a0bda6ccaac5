"""Patches from recordings alone."""

import json

import numpy as np
import pytest
from helpers import SR, cli

import ddsp_lab as dl
from ddsp_lab import audio
from ddsp_lab._errors import DdspLabError
from ddsp_lab._families import PITCHED, STRUCK
from ddsp_lab._heard import notes_for
from ddsp_lab.dsp.transcribe import Heard

HIDDEN = {"shape": 2.6, "width": 0.3, "attack_ms": 30.0, "decay_ms": 150.0, "sustain": 0.4, "release_ms": 80.0}


@pytest.fixture(scope="module")
def line():
    played = dl.notes([(0.05, 0.3, 57.2, 0.8), (0.5, 0.3, 62.0, 0.8)], 1.1)
    return dl.render(dl.parse("oscillator"), HIDDEN, played, SR)


def test_a_patch_and_its_notes_are_found_from_the_sound_alone(line, tmp_path):
    result = dl.match(line, SR, "oscillator", folder=tmp_path / "run")
    assert result.played.count == 2
    np.testing.assert_allclose(result.played.pitch, [57.2, 62.0], atol=0.05)
    np.testing.assert_allclose(result.played.onset_s, [0.05, 0.5], atol=0.01)
    assert min(result.confidence) > 0.5
    assert result.metrics["mrstft"] < 0.3
    assert result.preset.values["tune_st"] == 0.0
    read = dl.read_midi(tmp_path / "run" / "notes.mid", 1.1)
    np.testing.assert_allclose(read.pitch, result.played.pitch, atol=0.001)
    again = dl.Preset.load(tmp_path / "run" / "preset.json").render(read, SR)
    assert again.shape == (1, line.shape[1])
    loaded = dl.FitResult.load(tmp_path / "run")
    assert isinstance(loaded, dl.MatchResult)
    assert loaded.confidence == result.confidence
    assert "<summary>2 notes</summary>" in (tmp_path / "run" / "report.html").read_text()


def test_notes_that_are_known_are_played(line):
    played = dl.notes([(0.05, 0.3, 57.2, 0.8), (0.5, 0.3, 62.0, 0.8)], 1.1)
    result = dl.match(line, SR, "oscillator", played=played, optimizer="adam(steps=20)")
    assert result.confidence == (1.0, 1.0)
    assert result.metrics["loss"] < result.metrics["loss_start"]


def test_auto_says_what_it_has_chosen_and_why(line, monkeypatch, tmp_path):
    assert all(dl.parse(k).takes == "notes" for k in (*PITCHED, *STRUCK))
    monkeypatch.setattr("ddsp_lab._families.PITCHED", ("oscillator", "plucked_string"))
    monkeypatch.setattr("ddsp_lab._families.STRUCK", ("kick", "clap"))
    result = dl.match(line[:, : SR // 2], SR, budget=200, folder=tmp_path)
    said = dict(result.notes)["match-chosen"]
    assert "of 4 families, short searches left" in said
    assert said.startswith("oscillator")
    assert result.preset.chain.startswith("oscillator")
    monkeypatch.setattr("ddsp_lab._match.Listening", None)  # the race is kept, and not run again
    again = dl.match(line[:, : SR // 2], SR, budget=200, folder=tmp_path)
    assert again.preset.values == result.preset.values
    assert again.notes == result.notes


def test_a_drum_is_tuned_at_the_middle_and_played_there():
    hit = dl.render(dl.parse("kick"), {"tune_hz": 62.0, "sweep_st": 20.0}, dl.note(60.0, 0.2, length_s=0.5), SR)
    hit = hit + 1e-4 * np.random.default_rng(0).standard_normal(hit.shape)
    result = dl.match(hit, SR, "kick >> hiss", optimizer="successive_halving(starts=1, scouts=0, last=60)")
    assert result.played.count == 1
    assert result.played.pitch[0] == 60.0
    assert result.preset.flat["kick.tune_hz"] == pytest.approx(62.0, rel=0.02)
    assert result.preset.flat["kick.decay_s"] == pytest.approx(0.8, rel=0.05)
    assert "kick.velocity_sensitivity" not in result.metrics["insensitive"]


def test_what_rings_is_struck_where_the_level_rises():
    heard = Heard(*np.array([[0.0, 0.25], [0.2, 0.2], [50.0, 40.0], [1.0, 0.9], [0.9, 0.9]]))
    t = np.arange(SR // 2) / SR
    falling = np.sin(2.0 * np.pi * 100.0 * t) * 10 ** (-3 * t / 0.6)
    struck = falling + np.roll(falling, SR // 4) * (t > 0.25)
    assert notes_for(dl.parse("kick"), heard, falling, SR)[0].count == 1
    played, sure = notes_for(dl.parse("kick"), heard, struck, SR)
    np.testing.assert_array_equal(played.pitch, [60.0, 50.0])
    np.testing.assert_array_equal(sure, [1.0, 1.0])
    assert played.duration_s[0] == 0.25
    assert played.onset_s[1] + played.duration_s[1] >= 0.5
    assert notes_for(dl.parse("oscillator"), heard, falling, SR)[0].count == 2


@pytest.mark.parametrize(
    ("sound", "synth", "code"),
    [
        (np.zeros(SR), "oscillator", "hear-silence"),
        (0.1 * np.sin(np.arange(SR)), "gain", "notes-needed"),
        (np.full(SR, np.nan), "oscillator", "audio-not-finite"),
    ],
)
def test_what_cannot_be_matched_is_refused(sound, synth, code):
    with pytest.raises(DdspLabError) as caught:
        dl.match(sound, SR, synth)
    assert caught.value.code == code


def test_the_command_writes_a_patch_and_its_notes(line, tmp_path):
    audio.save(tmp_path / "line.wav", line, SR)
    folder = tmp_path / "run"
    done = cli("match", tmp_path / "line.wav", "--synth", "oscillator", "-n", 60, "-o", folder, "--json")
    assert done.exit_code == 0
    assert [round(note["pitch"]) for note in json.loads(done.stdout)["played"]] == [57, 62]
    assert {p.name for p in folder.iterdir()} >= {"preset.json", "notes.mid", "fit.flac", "metrics.json"}
    done = cli("match", tmp_path / "line.wav", "--synth", "oscillator", "-n", 60, "-o", folder)
    assert "notes.mid" in done.stdout
    assert "confidence" in done.stdout
