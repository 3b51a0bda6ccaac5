"""What is heard of drums: modes, falling tones, decays."""

import numpy as np
import pytest
from scipy.signal import lfilter

from ddsp_lab import note, render
from ddsp_lab._block import Context
from ddsp_lab.dsp.damped_modes import damped_modes
from ddsp_lab.dsp.driven_decay import driven_decay, level_along
from ddsp_lab.dsp.driven_tone import driven_tone
from ddsp_lab.dsp.dying_line import dying_line
from ddsp_lab.dsp.falling_pair import falling_pair
from ddsp_lab.dsp.falling_tone import FallingTone, falling_tones
from ddsp_lab.synths import FilteredNoise

SR = 16_000
T = np.arange(SR) / SR


def test_modes_are_found_strongest_first():
    given = [(441.3, 0.5, 0.8), (2010.0, 0.1, 0.5), (97.2, 0.8, 0.1)]
    y = sum(a * 10 ** (-3 * T / s) * np.sin(2 * np.pi * hz * T + 1.0) for hz, s, a in given)
    found = np.array(damped_modes(y, SR, 3))
    np.testing.assert_allclose(found[:, 0], [hz for hz, _, _ in given], rtol=1e-3)
    np.testing.assert_allclose(found[:, 1:3], np.array(given)[:, 1:], rtol=0.03)
    np.testing.assert_allclose(found[:, 3], 1.0 / (2.0 * np.pi), atol=0.01)
    assert len(damped_modes(y, SR, 12)) >= 3
    assert damped_modes(np.zeros(SR), SR, 3) == []


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("sweep_s", [0.03, 0.2])
def test_a_falling_tone_is_found_in_noise(noise, sweep_s):
    hz = 55.0 * 2.0 ** (18.0 * 10 ** (-3 * T / sweep_s) / 12.0)
    y = 0.7 * 10 ** (-3 * T / 0.6) * np.sin(2 * np.pi * np.cumsum(hz) / SR)
    y += noise * np.random.default_rng(0).standard_normal(SR)
    tone = falling_tones(y, SR, (25.0, 120.0), 48.0, 1000.0)[0]
    assert tone.hz == pytest.approx(55.0, rel=2e-3)
    assert tone.sweep_st == pytest.approx(18.0, rel=0.1)
    assert tone.sweep_s == pytest.approx(sweep_s, rel=0.1)
    assert tone.t60_s == pytest.approx(0.6, rel=0.03)
    assert tone.level == pytest.approx(0.7, rel=0.05)


def test_a_falling_tone_is_looked_for_where_the_strongest_mode_turns_backwards():
    """A pulse has its mode at 0 Hz, or a little below, whose logarithm is none."""
    assert falling_tones(10 ** (-3 * T / 0.02), SR, (25.0, 120.0), 48.0, 1000.0)


@pytest.mark.parametrize("louder", ["lower", "upper"])
def test_both_partials_of_a_falling_pitch_are_found_in_noise_whichever_is_louder(louder):
    hz = 120.0 * 2.0 ** (8.0 * 10 ** (-3 * T / 0.1) / 12.0)
    angle = 2 * np.pi * (np.cumsum(hz) - hz) / SR
    lower, upper = (0.6, 0.2) if louder == "lower" else (0.2, 0.6)
    y = lower * 10 ** (-3 * T / 0.4) * np.sin(angle + 1.0) + upper * 10 ** (-3 * T / 0.2) * np.sin(2.3 * angle)
    y += 0.2 * 10 ** (-3 * T / 0.1) * np.random.default_rng(0).standard_normal(SR)
    tones = falling_tones(y, SR, (50.0, 1500.0), 24.0, 2000.0)
    pair = falling_pair(y, SR, tones, (50.0, 500.0), 24.0, 2000.0)
    assert pair.lower.hz == pytest.approx(120.0, rel=2e-3)
    assert pair.interval == pytest.approx(2.3, rel=2e-3)
    assert pair.lower.t60_s == pytest.approx(0.4, rel=0.02)
    assert [pair.lower.level, pair.upper] == pytest.approx([lower, upper], rel=0.1)
    assert pair.lower.phase == pytest.approx(0.5 / np.pi, abs=0.02)
    assert falling_pair(y, SR, [], (50.0, 500.0), 24.0, 2000.0) is None


def test_a_drive_is_told_from_how_the_level_falls():
    drive = 10.0 ** (15.0 / 20.0)
    y = np.tanh(drive * 10 ** (-3 * T / 0.5) * np.sin(2 * np.pi * 80.0 * T)) / np.tanh(drive)
    found = driven_decay(*level_along(0.3 * y, 80.0 * T, 80.0, SR))
    assert found.drive_db == pytest.approx(15.0, abs=1.5)
    assert found.t60_s == pytest.approx(0.5, rel=0.08)
    assert found.level == pytest.approx(0.3, rel=0.05)


def test_a_driven_tone_is_refined_with_its_limit_though_a_click_is_over_it():
    hz = 50.0 * 2.0 ** (20.0 * 10 ** (-3 * T / 0.08) / 12.0)
    angle = 2 * np.pi * (np.cumsum(hz) - hz) / SR
    y = 0.4 * np.tanh(6.0 * np.sin(angle + 0.5) * 10 ** (-3 * T / 0.3)) / np.tanh(6.0)
    y += 0.2 * 10 ** (-3 * T / 0.02) * np.random.default_rng(0).standard_normal(SR)
    about = FallingTone(51.0, 17.0, 0.1, 0.35, 0.3, 0.05, 0.0)
    tone, drive_db = driven_tone(y, SR, about, 12.0, (25.0, 120.0), 48.0)
    assert drive_db == pytest.approx(20.0 * np.log10(6.0), abs=0.1)
    assert tone[:5] == pytest.approx((50.0, 20.0, 0.08, 0.3, 0.4), rel=0.02)
    assert tone.phase == pytest.approx(0.25 / np.pi, abs=0.01)


def test_noise_that_dies_away_over_noise_that_stays():
    rng = np.random.default_rng(0)
    power = 0.5 * 10 ** (-6 * T[::64] / 0.3) * rng.chisquare(20, 250) / 20 + 1e-5 * rng.chisquare(20, 250) / 20
    line = dying_line(power, 64 / SR, 1e-5)
    assert line.t60_s == pytest.approx(0.3, rel=0.1)
    assert line.power == pytest.approx(0.5, rel=0.15)
    assert dying_line(np.zeros(9), 0.01) is None


def test_noise_that_dies_away_in_stages_is_played_so():
    """A clap: bursts of high noise, then a room that is lower and slower. One decay for each band missed it by half."""
    t, rng = np.arange(SR) / SR, np.random.default_rng(0)
    white = rng.standard_normal((2, SR))
    low = lfilter([0.2], [1.0, -0.8], white[1])
    y = (white[0] * 10 ** (-3 * t / 0.1) + 0.1 * low * 10 ** (-3 * t / 1.5))[None]
    block, played = FilteredNoise(bands=12, knots=24), note(60.0, 1.0, 1.0, 1.0)
    (guess,) = block.estimate(played, y, Context(SR))
    found = render(block, guess, played, SR)
    for late_s in (0.0, 0.05, 0.1, 0.2, 0.5):
        power = [np.mean(np.square(v[0, int(late_s * SR) : int((late_s + 0.05) * SR)])) for v in (y, found)]
        assert abs(10.0 * np.log10(power[1] / power[0])) < 2.0
