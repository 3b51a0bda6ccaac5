"""Sources that hold a recording or a table: what they play of it, and at which pitch."""

import numpy as np
import pytest

import ddsp_lab as dl
from ddsp_lab import Preset, note, render
from ddsp_lab._errors import AudioError
from ddsp_lab.synths import Wavetable

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
