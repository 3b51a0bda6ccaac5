"""What may be wrong with a pair: each code on its own fixture, and none on clean recordings of many kinds."""

import time

import numpy as np
import pytest
from helpers import cli, cli_json, plucks, wet
from scipy.signal import lfilter

import ddsp_lab as dl
from ddsp_lab import audio, damages
from ddsp_lab._checks import CHECKS
from ddsp_lab._findings import findings
from ddsp_lab._pairs import prepare_pair
from ddsp_lab.effects import Gain

SR = 44_100


def notes(seconds=3.0, sr=SR, seed=0, low=110.0, partials=12, sustain=4.0, every=0.5):
    """Decaying harmonic notes, one after another."""
    rng, n = np.random.default_rng(seed), int(seconds * sr)
    t, x = np.arange(n) / sr, np.zeros(n)
    for start in np.arange(0.05, seconds, every):
        f, since = low * 2.0 ** (rng.integers(0, 24) / 12.0), t - start
        k = np.arange(1, max(2, min(partials, int(0.45 * sr / f))))[:, None]
        tone = np.sum(np.exp(-(sustain + k) * since) * np.sin(2 * np.pi * f * k * since) / k, 0)
        x += np.where(since >= 0.0, rng.uniform(0.3, 1.0) * tone * (1.0 - np.exp(-np.maximum(since, 0.0) / 0.003)), 0.0)
    return (0.25 * x + 1e-5 * rng.standard_normal(n)).astype(np.float32)[None]


def drums(seconds=3.0, sr=SR, seed=0):
    """Kicks, snares and hats, with digital silence between."""
    rng, n = np.random.default_rng(seed), int(seconds * sr)
    t, x = np.arange(n) / sr, np.zeros(n)
    for i, start in enumerate(np.arange(0.0, seconds, 0.25)):
        since = np.maximum(t - start, 0.0)
        on = (t >= start) & (since < 0.24)
        kick = np.exp(-18 * since) * np.sin(2 * np.pi * 50 * since + 12 * (1 - np.exp(-30 * since)))
        snare = np.exp(-25 * since) * rng.standard_normal(n)
        hat = np.exp(-90 * since) * np.diff(rng.standard_normal(n + 1))
        x += on * rng.uniform(0.6, 1.0) * (kick, 0.1 * hat, 0.4 * snare, 0.1 * hat)[i % 4]
    return (0.4 * x).astype(np.float32)[None]


def pad(seconds=3.0, sr=SR, seed=0):
    rng, t = np.random.default_rng(seed), np.arange(int(seconds * sr)) / sr
    x = sum(np.sin(2 * np.pi * f * k * t + rng.uniform(0, 6)) / k for f in (220.0, 277.2, 329.6) for k in range(1, 9))
    return (0.05 * x * np.minimum(t, 1.0) * np.minimum(t[::-1], 1.0)).astype(np.float32)[None]


def speech(seconds=3.0, sr=SR, seed=0):
    """Pulses and noise through moving resonances, in syllables."""
    rng, n = np.random.default_rng(seed), int(seconds * sr)
    t = np.arange(n) / sr
    pulses = np.diff(np.floor(np.cumsum(120.0 + 20.0 * np.sin(2 * np.pi * 0.7 * t)) / sr), prepend=0.0)
    x = np.diff(pulses, prepend=0.0) + 0.01 * rng.standard_normal(n)
    for f, width in ((600.0, 80.0), (1300.0, 100.0), (2500.0, 150.0)):
        r = np.exp(-np.pi * width / sr)
        x = lfilter([1.0 - r], [1.0, -2.0 * r * np.cos(2 * np.pi * f / sr), r * r], x)
    x *= np.maximum(np.sin(2 * np.pi * 2.0 * t), 0.0) ** 0.5
    return (0.3 * x / np.abs(x).max()).astype(np.float32)[None]


def bass(seconds=3.0, sr=SR, seed=0):
    return notes(seconds, sr, seed, low=41.2, partials=6, sustain=1.0)


def bursts(seconds=3.0, sr=SR, seed=0):
    return plucks(seed, seconds, sr)


def square(seconds=3.0, sr=SR, seed=0):
    t = np.arange(int(seconds * sr)) / sr
    return (0.3 * np.sign(np.sin(2 * np.pi * 110.3 * t)) * np.exp(-t)).astype(np.float32)[None]


def sixteen_bits(x):
    return (np.round(32768.0 * x) / 32768.0).astype(np.float32)


CLEAN = {
    "plucks, equalised": (notes(), "parametric_eq(gain_db=[6,-6,4,8])", SR),
    "plucks, compressed": (notes(seed=1), "compressor(threshold_db=-30, ratio=6) >> gain(gain_db=6)", SR),
    "plucks, soft": (notes(seed=2), "soft_clip(drive_db=12)", SR),
    "plucks, driven": (notes(seed=3), "soft_clip(drive_db=30) >> gain(gain_db=-6)", SR),
    "plucks, delayed": (notes(seed=4), "delay(time_ms=330, feedback=0.4, mix=0.4)", SR),
    "drums, equalised": (drums(), "parametric_eq(gain_db=[-6,6,4,-8])", SR),
    "drums, compressed": (drums(seed=1), "compressor(threshold_db=-25, ratio=4)", SR),
    "drums, delayed": (drums(seed=2), "delay(time_ms=187, feedback=0.3, mix=0.3)", SR),
    "drums in 16 bits": (sixteen_bits(drums(seed=3)), "gain(gain_db=-3)", SR),
    "bass, soft": (bass(), "soft_clip(drive_db=6)", SR),
    "bass in 16 bits": (sixteen_bits(0.1 * bass(seed=1)), "low_pass(cutoff_hz=800)", SR),
    "pad, in a room": (pad(), "reverb_fdn(mix=0.4)", SR),
    "pad, filtered": (pad(seed=1), "low_pass(cutoff_hz=2000)", SR),
    "noise bursts": (bursts(), "compressor(threshold_db=-20) >> parametric_eq(gain_db=[0,6,0,0])", SR),
    "speech": (speech(), "parametric_eq(gain_db=[3,0,-5,6]) >> compressor", SR),
    "square wave": (square(), "low_pass(cutoff_hz=3000)", SR),
    "quiet": (0.01 * notes(seed=5), "gain(gain_db=-3)", SR),
    "loud": (0.99 * bursts(seed=2) / np.abs(bursts(seed=2)).max(), "gain(gain_db=-1)", SR),
    "short": (notes(0.8, seed=6), "soft_clip(drive_db=6)", SR),
    "stereo": (np.concatenate([notes(seed=7), 0.5 * notes(seed=8)]), "compressor >> stereo_width", SR),
    "8 kHz": (notes(sr=8000, seed=9), "parametric_eq(gain_db=[6,-6,4,8])", 8000),
    "16 kHz": (speech(sr=16_000, seed=1), "soft_clip", 16_000),
    "48 kHz": (drums(sr=48_000, seed=4), "reverb_fdn(mix=0.2)", 48_000),
    "96 kHz": (notes(2.0, 96_000, seed=10), "compressor(threshold_db=-30)", 96_000),
}


def found(dry, reference, sr=SR, known=()):
    return findings(prepare_pair(dry, reference, sr, Gain()), sr, known)


@pytest.mark.parametrize("what", CLEAN)
def test_clean_recordings_raise_no_alarm(what):
    x, chain, sr = CLEAN[what]
    assert found(x, wet(chain, x, sr), sr) == []


# --- what is wrong


def with_gaps(x):
    y = x.copy()
    for start in (0.31, 1.12, 2.13):
        y[:, int(start * SR) : int((start + 0.01) * SR)] = 0.0
    return y


def with_clicks(x):
    y = x.copy()
    y[:, [int(s * SR) for s in (0.41, 1.27, 2.33)]] += 0.3
    return y


def noisy(x, share=0.1):
    return x + (share * x.std() * np.random.default_rng(9).standard_normal(x.shape)).astype(np.float32)


def brick(x, hz, sr=SR):
    return np.fft.irfft(np.fft.rfft(x) * (np.fft.rfftfreq(x.shape[1], 1 / sr) < hz), x.shape[1]).astype(np.float32)


def limited(x):
    return wet("gain(gain_db=24) >> limiter(ceiling_db=-3)", x, SR)


X, LOOP = notes(), np.tile(bursts(2.0, seed=1), (1, 2))
TREMOLO = "tremolo(rate_hz=0.37, depth=0.8)"
WRONG = {
    "check-latency": (X, wet("chorus(mix=1)", X, SR)),
    "check-clipped": (X, np.clip(2.0 * X, -0.3, 0.3)),
    "check-replicate": (LOOP, wet(TREMOLO, LOOP, SR)),
    "check-dropout": (X, with_gaps(X)),
    "check-noise": (drums(), noisy(drums())),
    "check-limited": (drums(), limited(drums())),
    "check-lossy": (bursts(), brick(bursts(), 16_000.0)),
    "check-rate": (bursts(), brick(bursts(), 0.98 * 8000.0)),
    "check-click": (X, with_clicks(X)),
    "check-dc": (X, X + np.float32(0.01)),
    "check-level": (X, 1e-4 * X),
    "check-short": (notes(0.4), 0.5 * notes(0.4)),
}


def test_every_code_has_a_fixture():
    assert WRONG.keys() == CHECKS.keys()


@pytest.mark.parametrize("code", CHECKS)
def test_each_code_tells_its_own_fault_and_no_other(code):
    (finding,) = found(*WRONG[code])
    assert finding.code == code
    assert finding.remedy == CHECKS[code].remedy
    assert finding.message.endswith(".")


def test_faults_of_the_dry_recording_are_found_too():
    assert [f.code for f in found(np.clip(2.0 * X, -0.3, 0.3), X)] == ["check-clipped"]
    assert [f.message for f in found(with_gaps(X), X)] == [
        "Dry recording: 3 gaps inside the sound, the first at 0.310 s."
    ]


def test_the_likeliest_cause_comes_first():
    y = np.clip(2.0 * with_gaps(X), -0.3, 0.3) + np.float32(0.02)
    codes = [f.code for f in found(X, y)]
    assert codes == sorted(codes, key=list(CHECKS).index)
    assert len(codes) >= 2


EXPLAINED = {
    "check-clipped": (dl.parse("hard_clip"), damages.Clip()),
    "check-replicate": (dl.parse(TREMOLO),),
    "check-limited": (dl.parse("limiter"),),
    "check-dropout": (damages.Mask(),),
    "check-noise": (damages.Noise(),),
    "check-lossy": (damages.Lowpass(),),
    "check-rate": (damages.Lowpass(),),
}


@pytest.mark.parametrize(("code", "known"), [(code, known) for code, several in EXPLAINED.items() for known in several])
def test_what_the_chain_does_or_is_known_is_no_fault(code, known):
    assert found(*WRONG[code], known=[known]) == []


def test_what_the_chain_does_is_a_fault_of_the_dry_recording():
    assert [f.code for f in found(np.clip(2.0 * X, -0.3, 0.3), X, known=[dl.parse("hard_clip")])] == ["check-clipped"]


@pytest.mark.parametrize("x", [np.ones((1, 64)), np.eye(1, 64), np.eye(1, 300, 200), np.sin(np.arange(70.0))[None]])
def test_the_smallest_recordings_are_no_harm(x):
    assert "check-short" in [f.code for f in found(x.astype(np.float32), x.astype(np.float32))]


def test_check_and_fit_tell(tmp_path):
    dry, clipped = tmp_path / "dry.wav", tmp_path / "clipped.wav"
    audio.save(dry, X, SR)
    audio.save(clipped, WRONG["check-clipped"][1], SR)
    shown = cli_json("check", dry, clipped)
    (check,) = shown["checks"]
    assert check.keys() == {"code", "message", "remedy"}
    assert check["code"] == "check-clipped"
    assert shown["notes"] == []
    assert "note check-clipped: Reference: " in cli("check", dry, clipped).stderr
    result = dl.fit("gain", X, WRONG["check-clipped"][1], SR, optimizer="adam", budget=1)
    assert [code for code, _ in result.notes] == ["check-clipped"]
    for way in ({"chain": "gain >> hard_clip"}, {"chain": "gain", "observed_through": "clip"}):
        assert dl.fit(dry=X, reference=WRONG["check-clipped"][1], sr=SR, optimizer="adam", budget=1, **way).notes == ()


def test_ten_seconds_take_no_time():
    pair = prepare_pair(notes(10.0), 0.5 * notes(10.0), SR, Gain())

    def seconds():
        began = time.process_time()
        findings(pair, SR)
        return time.process_time() - began

    assert any(seconds() < 0.3 for _ in range(9))  # once: beside other work a processor is slower, not the program
