"""Patches from recordings alone."""

import json

import numpy as np
import pytest
from helpers import SR, cli

import ddsp_lab as dl
from ddsp_lab import audio
from ddsp_lab._errors import DdspLabError
from ddsp_lab._match import FAMILIES

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


def test_auto_says_what_it_has_chosen_and_why(line, monkeypatch):
    assert {k for k in FAMILIES if dl.parse(k).takes == "notes"} == set(FAMILIES)
    monkeypatch.setattr("ddsp_lab._match.FAMILIES", ("oscillator", "plucked_string", "kick", "clap"))
    result = dl.match(line[:, : SR // 2], SR, budget=200)
    assert "oscillator: of 4 families, short searches left" in dict(result.notes)["match-chosen"]
    assert result.preset.chain == "oscillator"


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
