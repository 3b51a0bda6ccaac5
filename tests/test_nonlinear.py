"""What the laws cannot say of the effects that bend a signal: how much folds back, and what circuits they are."""

import jax.numpy as jnp
import numpy as np
import pytest

from ddsp_lab import Oversample, parse, render
from ddsp_lab.dsp import antiderivative
from ddsp_lab.effects import HardClip, SoftClip, Wavefolder

SR = 44_100


def apart(a, b):
    """The largest difference over the largest sample of `b`."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def sine(f, samples, level=1.0):
    return (level * np.sin(2.0 * np.pi * f * np.arange(samples) / SR)).astype(np.float32)


# --- what folds back


def folded_db(block, f, **values):
    """The energy between the harmonics of a full-scale sine at `f` against all of it, in dB, below 0.44 of the sample
    rate: above, the filters of the oversampling are on their way down."""
    n = 1 << 15
    y = render(block, values, sine(f, n + 400), SR)[200:-200].astype(float)
    power = np.abs(np.fft.rfft(y * np.kaiser(n, 14.0))) ** 2
    bins = np.arange(power.size)
    harmonic = np.min([np.abs(bins - k * f * n / SR) for k in range(60) if k * f < 0.5 * SR], axis=0) < 12
    return 10.0 * np.log10(power[~harmonic & (bins < 0.44 * n)].sum() / power.sum())


@pytest.mark.parametrize(
    ("kind", "f", "plain", "averaged"),
    [  # at factors 1, 2, 4, 8; at 40 dB of drive a sine is nearly a square
        (SoftClip, 5000.0, (-10, -17, -24, -31), (-19, -37, -49, -61)),
        (HardClip, 5000.0, (-10, -17, -24, -31), (-19, -37, -49, -61)),
        (HardClip, 1245.0, (-18, -25, -34, -55), (-29, -44, -58, -85)),
        (Wavefolder, 1245.0, (-2, -80, -84, -85), (-8, -85, -85, -85)),
    ],
)
def test_oversampling_and_averaging_keep_aliases_down(kind, f, plain, averaged):
    highest = {q.name: q.high for q in kind.params if q.name.endswith("_db")}
    for adaa, limits in ((False, plain), (True, averaged)):
        folded = [folded_db(kind(k, adaa=adaa), f, **highest) for k in (1, 2, 4, 8)]
        assert all(seen < limit for seen, limit in zip(folded, limits, strict=True)), folded


@pytest.mark.parametrize(
    ("mean", "antiderivative_of"),
    [
        (antiderivative.clip_mean, lambda v: np.clip(v, -1, 1) * v - 0.5 * np.clip(v, -1, 1) ** 2),
        (antiderivative.sine_mean, lambda v: -np.cos(v)),
        (antiderivative.tanh_mean, lambda v: np.logaddexp(v, -v)),
    ],
    ids=["clip", "sine", "tanh"],
)
def test_means_are_quotients_of_antiderivatives_in_long_double(mean, antiderivative_of):
    """Over 300 dB of widths: where the quotient itself would be lost, float32 still has its digits."""
    rng = np.random.default_rng(0)
    a = (3.0 * rng.standard_normal(20_000)).astype(np.float32)
    b = (a + 10.0 ** rng.uniform(-9, 1.5, a.size) * rng.choice([-1, 1], a.size)).astype(np.float32)
    wide = np.abs(np.float64(b) - a) > 1e-4
    low, high = np.longdouble(a[wide]), np.longdouble(b[wide])
    wanted = (antiderivative_of(high) - antiderivative_of(low)) / (high - low)
    means = np.asarray(mean(jnp.asarray(a), jnp.asarray(b)), np.float64)
    assert np.isfinite(means).all()
    assert np.abs(means[wide] - wanted).max() < 1e-6
    curve = np.asarray(mean(jnp.asarray(a), jnp.asarray(a)))
    assert np.abs(means - curve)[~wide].max() < 2e-4


def test_the_wrapper_does_what_the_setting_does():
    x, values = sine(5000.0, 3000), {"drive_db": 30.0, "threshold_db": -3.0}
    for k in (2, 8):
        outside = render(Oversample(HardClip(1), k), {"hard_clip": values}, x, SR)
        np.testing.assert_array_equal(outside, render(HardClip(k), values, x, SR))


def test_the_wrapper_reports_what_is_late_in_it():
    for text, late in [
        ("oversample(oversample(hard_clip, factor=2))", 64 + (64 + 64 // 2) // 4),
        ("oversample(delay)", 64),
    ]:
        assert parse(text).latency_samples(SR) == late
    x = sine(200.0, 4000)
    y = render(parse("oversample(oversample(gain, factor=2), factor=8)"), {}, x, SR)
    assert apart(y[500:-500], x[500:-500]) < 1e-3
