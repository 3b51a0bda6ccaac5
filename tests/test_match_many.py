"""Patches for many recordings at once."""

import json

import numpy as np
import pytest
from helpers import SR, cli

import ddsp_lab as dl
from ddsp_lab import audio
from ddsp_lab._errors import DdspLabError

TUNES = (45.0, 60.0, 80.0)


@pytest.fixture(scope="module")
def hits():
    played = dl.note(60.0, 0.2, length_s=0.3)
    return [dl.render(dl.parse("kick"), {"tune_hz": hz, "decay_s": 0.3, "click": 0.0}, played, SR) for hz in TUNES]


@pytest.fixture(scope="module")
def found(hits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch")
    sounds = [hits[0], np.zeros(SR), hits[1], hits[2][:, : SR // 4]]
    return folder, sounds, dl.match_many(sounds, SR, "kick", folders=[folder / str(i) for i in range(4)])


def test_each_gets_its_patch_in_order_and_failures_are_named(found):
    _, _, results = found
    assert isinstance(results[1], DdspLabError)
    assert results[1].code == "hear-silence"
    kicks = [results[i] for i in (0, 2, 3)]
    np.testing.assert_allclose([r.preset.flat["tune_hz"] for r in kicks], TUNES, rtol=0.02)
    assert max(r.metrics["loss"] for r in kicks) < 0.3
    assert all(r.played.pitch[0] == 60.0 for r in kicks)


def test_what_is_found_does_not_depend_on_the_others(found, hits):
    again = dl.match_many([hits[1]], SR, "kick")[0]
    here = {k: np.asarray(v) for k, v in again.preset.flat.items()}
    for k, v in found[2][2].preset.flat.items():
        np.testing.assert_allclose(here[k], v, rtol=1e-3, atol=1e-3, err_msg=k)


def test_folders_are_run_folders_and_are_not_computed_again(found, monkeypatch):
    folder, sounds, results = found
    assert {p.name for p in (folder / "0").iterdir()} >= {"preset.json", "fit.flac", "metrics.json", "notes.mid"}
    assert not (folder / "1" / "preset.json").exists()
    monkeypatch.setattr("ddsp_lab._match_many.Together", None)
    again = dl.match_many(sounds, SR, "kick", folders=[folder / str(i) for i in range(4)])
    assert [r.preset for r in again if not isinstance(r, DdspLabError)] == [results[i].preset for i in (0, 2, 3)]


def test_a_partial_batch_has_a_code_of_its_own(hits, tmp_path):
    inside = tmp_path / "hits"
    inside.mkdir()
    audio.save(inside / "a.wav", hits[0], SR)
    audio.save(inside / "b.wav", np.zeros(SR), SR)
    done = cli("match", inside, "--synth", "kick", "-o", tmp_path / "runs", "--json")
    assert done.exit_code == 3
    told = json.loads(done.stdout)
    assert told[str(inside / "b.wav")]["error"]["code"] == "hear-silence"
    assert told[str(inside / "a.wav")]["chain"] == "kick"
    assert (tmp_path / "runs" / "a" / "preset.json").exists()
    assert cli("match", inside / "b.wav", inside / "b.wav", "--synth", "kick").exit_code == 2
    assert cli("match", inside, "--synth", "kick", "-n", 10).exit_code == 2
