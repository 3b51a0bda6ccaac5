"""Sources that hold a recording or a table: what they play of it, and at which pitch."""

import numpy as np
import pytest

import ddsp_lab as dl
from ddsp_lab import Preset, note, render
from ddsp_lab._errors import AudioError
from ddsp_lab.synths import Sampler, Wavetable

SR = 48_000
HELD = {"attack_ms": 0.5, "sustain": 1.0, "velocity_sensitivity": 0.0}


def pitch_of(hz):
    return 69.0 + 12.0 * np.log2(hz / 440.0)


# --- wavetables


@pytest.mark.parametrize("hz", [110, 1000, 5000])
def test_a_cycle_is_its_fourier_series_as_far_as_it_fits(hz):
    """One second, so that a bin is one hertz: every harmonic of the table below 0.45 of the rate, and nothing else."""
    rng = np.random.default_rng(0)
    table = np.clip(0.2 * rng.standard_normal((3, 64)), -1.0, 1.0)
    block = Wavetable.from_table(table)
    y = render(block, HELD | {"position": 0.75}, note(pitch_of(hz), 3.0), SR)[0][SR // 2 :][:SR]
    series = np.fft.rfft(0.5 * (table[1] + table[2]))[1:32] * 2.0 / 64
    k = np.arange(1, 32)
    turns = hz * (SR // 2 + np.arange(SR)) / SR
    fit = k * hz < 0.45 * SR
    angles = 2.0 * np.pi * np.outer(k[fit], turns)
    exact = series.real[fit] @ np.cos(angles) - series.imag[fit] @ np.sin(angles)
    spectrum = np.abs(np.fft.rfft(y * np.hanning(SR)))
    true = np.zeros(spectrum.size, bool)
    true[np.add.outer(k[k * hz < 0.5 * SR] * hz, np.arange(-9, 10)).ravel()] = True  # a pitch has seven digits
    assert 20.0 * np.log10(spectrum[~true].max() / spectrum.max()) < -80.0
    if not ((k * hz >= 0.45 * SR) & (k * hz < 0.5 * SR)).any():
        assert np.abs(y - exact)[:4800].max() < 0.01 * np.abs(exact).max()


def test_a_wavetable_from_a_file_travels_in_a_preset(tmp_path):
    """The file is gone: the preset plays the same at another rate too."""
    t = np.arange(2048) / 2048
    cycles = [np.sin(2 * np.pi * t), 1.2 * np.sin(2 * np.pi * t) ** 3, 0.5 * np.cos(6 * np.pi * t)]
    dl.audio.save(tmp_path / "a.wav", np.concatenate(cycles).astype(np.float32), 44_100)
    block = Wavetable.from_file(tmp_path / "a.wav", frames=3, size=128)
    assert (block.frames, block.size) == (3, 128)
    preset = Preset.parse(Preset.of(block >> dl.effects.Gain(), {"wavetable": HELD}, SR).text().encode())
    (tmp_path / "a.wav").unlink()
    kept = np.reshape(preset.values["wavetable"]["table"], (3, 128))
    np.testing.assert_allclose(kept, np.stack([c[::16] for c in cycles]) / 1.2, atol=1e-6)
    values = HELD | {"position": 0.2}
    y = render(block, values, note(45.0, 0.5), SR)[0]
    preset.values["wavetable"]["position"] = 0.2
    np.testing.assert_allclose(preset.render(note(45.0, 0.5), SR)[0], y, atol=1e-6)
    dl.audio.save(tmp_path / "a.wav", np.ones(100, np.float32), SR)
    with pytest.raises(AudioError, match="less than a cycle"):
        Wavetable.from_file(tmp_path / "a.wav")


# --- samplers

PLAIN = HELD | {"attack_ms": 0.5, "release_ms": 1.0}


def tone(hz, seconds, sr, level=0.5):
    return level * np.sin(2.0 * np.pi * hz * np.arange(round(seconds * sr)) / sr)


def heard_hz(y, sr):
    """The frequency of a steady tone, from the phase that it turns between two halves."""
    half = y.size // 2
    first, last = (np.fft.rfft(np.hanning(half) * v) for v in (y[:half], y[half : 2 * half]))
    k = np.argmax(np.abs(first))
    turned = np.angle(last[k] / first[k]) / (2.0 * np.pi)
    return sr / half * (k + turned - np.round(turned))


def test_at_its_root_and_its_rate_a_recording_is_itself():
    rng = np.random.default_rng(0)
    x = np.clip(0.2 * rng.standard_normal(30_000), -1.0, 1.0)
    y = render(Sampler.from_samples(x, SR, root=57.0), PLAIN, note(57.0, 0.5, 1.0), SR)[0]
    np.testing.assert_allclose(y[480:23_000], x[480:23_000], atol=1e-6)


@pytest.mark.parametrize("made_at", [SR, 44_100])
def test_its_pitch_is_exact_and_nothing_else_is_heard(made_at):
    """From two octaves below to as many above, over seconds; spurious lines 75 dB down."""
    block = Sampler.from_samples(tone(440.0, 6.0, made_at), made_at, root=69.0)
    for pitch in (45.0, 68.3, 76.0, 93.0):
        y = render(block, PLAIN, note(pitch, 1.4, 1.0), SR)[0][4800:62_400]
        wanted = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
        assert abs(1200.0 * np.log2(heard_hz(y, SR) / wanted)) < 0.01, pitch
        spectrum = np.abs(np.fft.rfft(y * np.blackman(y.size)))
        beside = np.abs(np.arange(spectrum.size) - wanted * y.size / SR) > 8
        assert 20.0 * np.log10(spectrum[beside].max() / spectrum.max()) < -75.0, pitch
        assert np.abs(y).max() == pytest.approx(0.5, rel=0.01), pitch


def test_what_does_not_fit_is_not_mirrored():
    block = Sampler.from_samples(tone(17_000.0, 1.0, SR), SR, root=60.0)
    y = render(block, PLAIN, note(67.0, 0.3, 1.0), SR)[0][1000:12_000]
    assert np.abs(y).max() < 5e-4


def test_a_loop_goes_on_without_a_seam():
    """Ten turns of a hundred samples each: for a second and a half where the recording lasts a fifth of one."""
    x = tone(480.0, 0.2, SR)
    block = Sampler.from_samples(x, SR, root=60.0, loops=True)
    values = PLAIN | {"loop_start": 2000 / x.size, "end": 3000 / x.size}
    for pitch in (60.0, 66.0):
        y = render(block, values, note(pitch, 1.5, 1.0), SR)[0][1000:70_000]
        exact = tone(480.0 * 2.0 ** ((pitch - 60.0) / 12.0), 1.5, SR)[1000:70_000]
        assert np.abs(y - exact).max() < 2e-3, pitch


def test_a_recording_travels_in_a_preset_and_no_search_moves_it(tmp_path):
    rng = np.random.default_rng(0)
    dl.audio.save(tmp_path / "a.wav", np.float32(0.1 * rng.standard_normal((2, 12_000))), 22_050)
    block = Sampler.from_file(tmp_path / "a.wav", root=48.0)
    assert (block.length, block.made_at) == (12_000, 22_050)
    assert not any("recording" in name for name in dl.Space(block).names)
    preset = Preset.of(block, {"start": 0.1}, SR)
    (tmp_path / "a.wav").unlink()
    preset.save(tmp_path / "a.json")
    again = Preset.load(tmp_path / "a.json")
    assert (tmp_path / "a.json").stat().st_size < 80_000
    np.testing.assert_array_equal(again.render(note(50.0, 0.2), SR), preset.render(note(50.0, 0.2), SR))
    with pytest.raises(AudioError, match="5 samples"):
        Sampler.from_samples(np.ones(5), SR)
