"""Recordings taken apart and put together again, and the line of one in the sound of another."""

import json

import jax
import numpy as np
import pytest
from helpers import cli, cli_json

import ddsp_lab as dl
from ddsp_lab import audio
from ddsp_lab._errors import DdspLabError
from ddsp_lab._played import mapped, octaves_between
from ddsp_lab.dsp.f0 import track_f0
from ddsp_lab.dsp.harmonic_levels import read_harmonics, summed
from ddsp_lab.dsp.loudness_track import track_loudness
from ddsp_lab.dsp.voice_frames import analyse, played
from ddsp_lab.dsp.voice_scores import alike, in_tune, spectrum_distance_db

SR, SECONDS = 16_000, 1.2


def voice(pitches, levels, noise=0.003, seed=0):
    """Notes of equal length, legato, with vibrato, swelling and fading, and some breath."""
    rng, t = np.random.default_rng(seed), np.arange(int(SECONDS * SR)) / SR
    hz = 440.0 * 2.0 ** ((np.repeat(pitches, -(-t.size // len(pitches)))[: t.size] - 69.0) / 12.0)
    hz = hz * 2.0 ** (0.2 / 12.0 * np.sin(2.0 * np.pi * 5.0 * t))
    turns, y = np.cumsum(hz) / SR, np.zeros(t.size)
    for k, a in enumerate(levels, 1):
        y += a * np.sin(2.0 * np.pi * k * turns) * (k * hz < 0.45 * SR)
    swell = np.minimum(np.minimum(t / 0.1, 1.0), (SECONDS - t) / 0.2) * (0.6 + 0.4 * np.sin(2.0 * np.pi * 1.3 * t))
    return 0.1 * swell * (y + noise * rng.standard_normal(t.size))


BRIGHT = 0.8 ** np.arange(20)
HOLLOW = np.array([1.0, 0.02, 0.5, 0.02, 0.3, 0.02, 0.2, 0.01, 0.1])
LINE = voice([57.0, 60.0, 64.0], BRIGHT)
OTHER = voice([69.0, 72.0, 74.0, 71.0], HOLLOW, 0.1, 1)


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """The line in the other's sound, and the folder it was kept in."""
    folder = tmp_path_factory.mktemp("transfer") / "run"
    return dl.transfer(LINE, OTHER, SR, folder=folder), folder


def test_harmonics_of_a_gliding_tone_are_read_exactly():
    t, hop = np.arange(SR) / SR, 80
    f0 = 200.0 * 2.0 ** (0.5 * t[::hop])
    turns = np.cumsum(np.interp(t, t[::hop], f0)) / SR
    levels = np.array([0.5, 0.0, 0.3, 0.1])
    x = sum(a * np.cos(2.0 * np.pi * k * (turns - turns[0]) + k) for k, a in enumerate(levels, 1))
    found = read_harmonics(x, SR, f0, hop)
    middle = found.amplitude[10:-10]
    np.testing.assert_allclose(np.abs(middle[:, :4]), np.tile(levels, (len(middle), 1)), atol=5e-3)
    assert np.abs(middle[:, 4:]).max() < 5e-3
    again = summed(found.amplitude, found.turns, hop)
    inside = slice(10 * hop, -10 * hop)
    assert np.mean((again - x)[inside] ** 2) < 1e-4 * np.mean(x[inside] ** 2)


def test_a_recording_comes_back():
    result = dl.resynthesize(LINE, SR)
    assert result.audio.shape == LINE.shape
    assert result.metrics["f0_within_10_cents"] > 0.95
    assert result.metrics["loudness_error_db"] < 0.5
    assert result.metrics["mrstft"] < 1.0
    assert result.metrics["confidence"] > 0.95
    np.testing.assert_allclose(result.tone + result.breath, result.audio, atol=1e-6)
    np.testing.assert_array_equal(result.audio, dl.resynthesize(LINE, SR).audio)


def test_a_pitch_that_is_only_just_heard_is_not_lost_under_new_noise():
    t = np.arange(SR) / SR
    tone = np.exp(-2.0 * t) * sum(np.sin(2.0 * np.pi * 220.0 * k * t) / k for k in range(1, 8))
    x = 0.3 * tone + 0.06 * np.random.default_rng(0).standard_normal(SR)
    frames = analyse(x, SR)
    key, heard = jax.random.key(0), frames.harmonics
    once = sum(played(heard.amplitude * frames.sounding[:, None], heard.turns, frames.noise, SR, frames.hop, key))
    result = dl.resynthesize(x, SR)
    assert result.metrics["f0_within_10_cents"] > in_tune(track_f0(once, SR), frames.f0)
    assert (result.frames.noise <= frames.noise + 1e-6).all()
    assert result.metrics["loudness_error_db"] < 0.5


def test_a_hum_that_nobody_hears_is_no_voice():
    t = np.arange(SR) / SR
    hum = 2e-3 * np.sin(2.0 * np.pi * 30.0 * t)
    x = np.where(t < 0.5, 0.5 * np.sin(2.0 * np.pi * 440.0 * t), 0.0) + hum
    assert track_f0(x, SR).voiced[-60:-20].all()
    assert not dl.resynthesize(x, SR).f0.voiced[-60:].any()


def test_what_has_no_pitch_comes_back_as_noise_and_says_so():
    hiss = 0.1 * np.random.default_rng(0).standard_normal((2, SR // 2))
    result = dl.resynthesize(hiss, SR)
    assert result.audio.shape == (1, SR // 2)
    assert dict(result.notes).keys() == {"hear-unsure", "audio-mixed"}
    assert result.metrics["confidence"] < 0.5
    assert result.metrics["loudness_error_db"] < 1.5
    assert np.abs(dl.resynthesize(np.zeros(3), SR).audio).max() < 1e-3


def test_a_line_takes_the_sound_of_another(moved):
    result, _ = moved
    m = result.metrics
    assert m["shift_octaves"] == 1.0
    assert m["f0_within_10_cents"] > 0.95
    assert m["loudness_correlation"] > 0.95
    assert m["spectrum_distance_db"] < 0.5 * m["spectrum_distance_source_db"]
    assert m["confidence_source"] > 0.8
    assert abs(m["lufs_fit"] - m["lufs_source"]) < 1.0
    assert result.audio.shape == LINE.shape


def test_its_folder_keeps_what_was_learned(moved):
    result, folder = moved
    assert {p.name for p in folder.iterdir()} >= {
        *("preset.json", "timbre.json", "timbre.safetensors", "fit.flac", "metrics.json", "config.json", "report.html"),
    }
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "dl.transfer(source, timbre, 16000" in page
    assert "correlation with the line" in page
    kept = dl.Timbre.load(folder)
    again = dl.transfer(LINE, kept, SR)
    np.testing.assert_array_equal(again.audio, result.audio)
    patch = dl.Preset.load(folder / "preset.json")
    y = patch.render(dl.note(69.0, 0.3, 0.8, 0.4), SR)
    assert np.abs(y).max() > 0.01
    assert patch.values["gain_db"][1] < patch.values["gain_db"][0] - 20.0
    with pytest.raises(DdspLabError) as caught:
        dl.transfer(LINE, OTHER, SR, seed=1, folder=folder)
    assert caught.value.code == "run-changed"


def test_weights_that_are_not_a_timbre_s_are_refused(moved, tmp_path):
    _, folder = moved
    facts, weights = ((folder / name).read_bytes() for name in ("timbre.json", "timbre.safetensors"))
    broken = {
        "turned": (facts, weights[:-4] + b"\x00\x00\xc0\x7f"),
        "cut": (facts[: len(facts) // 2], weights),
        "other": (json.dumps(json.loads(facts) | {"more": 1}).encode(), weights),
        "missing": (facts, b""),
    }
    for name, (one, two) in broken.items():
        at = tmp_path / name
        at.mkdir()
        (at / "timbre.json").write_bytes(one)
        (at / "timbre.safetensors").write_bytes(two)
        with pytest.raises(DdspLabError) as caught:
            dl.Timbre.load(at)
        assert caught.value.code == "preset-json", name


def test_a_patch_follows_the_line_too():
    result = dl.transfer(LINE[None], OTHER, SR, decoder="patch", shift=0.0)
    assert result.timbre is None
    assert result.audio.shape == (1, LINE.size)
    assert result.metrics["f0_within_10_cents"] > 0.9
    assert result.metrics["loudness_correlation"] > 0.95


def test_quantiles_and_octaves():
    own, wanted = [0.0, 1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0, 50.0]
    np.testing.assert_allclose(mapped(np.array([2.0, 2.5, 3.0]), own, wanted), [30.0, 31.5, 33.0])
    np.testing.assert_allclose(mapped(np.array([-9.0, 20.0]), wanted, own), [0.0, 1.0], atol=1e-3)
    np.testing.assert_allclose(mapped(np.array([5.0]), [5.0] * 5, wanted), [30.0])
    assert [octaves_between(60.0, p) for p in (60.0, 68.0, 70.0, 81.0, 82.0, 50.0)] == [0, 0, 1, 1, 2, -1]


def test_scores_know_levels_from_spectra():
    noise = np.random.default_rng(0).standard_normal(SR)
    assert spectrum_distance_db(noise, 0.1 * noise, SR) < 1e-3
    assert spectrum_distance_db(noise, np.cumsum(noise - noise.mean()), SR) > 5.0
    assert alike(np.zeros(3), np.arange(3.0)) == 0.0
    assert alike(np.arange(3.0), np.arange(3.0)) == pytest.approx(1.0)


HISS = 0.1 * np.random.default_rng(0).standard_normal(SR)


@pytest.mark.parametrize(
    ("source", "timbre", "options", "code"),
    [
        (np.zeros(SR), OTHER, {}, "hear-silence"),
        (LINE, np.zeros(SR), {}, "hear-silence"),
        (HISS, OTHER, {}, "hear-pitchless"),
        (LINE, HISS, {}, "hear-pitchless"),
        (LINE, OTHER, {"shift": 9.0}, "bad-setting"),
        (LINE, OTHER, {"decoder": "magic"}, "bad-setting"),
        (np.full(SR, np.nan), OTHER, {}, "audio-not-finite"),
    ],
)
def test_what_cannot_be_transferred_is_refused(source, timbre, options, code):
    with pytest.raises(DdspLabError) as caught:
        dl.transfer(source, timbre, SR, **options)
    assert caught.value.code == code


def test_the_command_resamples_says_so_and_writes_the_sound(tmp_path):
    audio.save(tmp_path / "line.wav", LINE[None], SR)
    audio.save(tmp_path / "other.wav", audio.resample(OTHER[None].astype(np.float32), SR, 22_050), 22_050)
    command = ("transfer", tmp_path / "line.wav", "--timbre", tmp_path / "other.wav")
    done = cli_json(*command, "-o", tmp_path / "out.flac", "--decoder", "patch")
    assert [note["code"] for note in done["notes"]] == ["audio-rate"]
    written = audio.load(tmp_path / "out.flac")
    assert written.samples.shape == (1, LINE.size)
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert alike(track_loudness(written.samples[0], SR), track_loudness(LINE, SR)) > 0.95
    assert cli(*command, "--strict").exit_code == 2
