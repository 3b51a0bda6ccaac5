"""How near the fundamental frequency is found, and what the targets make of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddsp_lab.dsp.pitch import f0_track
from ddsp_lab.targets import Harmonicity, Pitch

RATES = {sr: jax.jit(lambda x, sr=sr: f0_track(x, sr, 50.0, 2000.0, sr // 25, sr // 100)) for sr in (8000, 44_100)}


def tone(hz, sr, partials=12, lowest=1, seconds=0.3, seed=0):
    """Partials of amplitude 1/k and any phase below 0.45 of the rate, RMS 0.2."""
    k = np.arange(1, min(partials, int(0.45 * sr / hz)) + 1)[:, None]
    phase = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, k.shape)
    waves = (
        (k >= min(lowest, len(k) - 2)) / k * np.cos(2.0 * np.pi * k * hz * np.arange(int(seconds * sr)) / sr + phase)
    )
    x = np.sum(waves, axis=0)
    return 0.2 * x / np.sqrt(np.mean(x**2))


@pytest.mark.parametrize("sr", RATES)
@pytest.mark.parametrize(("partials", "lowest"), [(12, 1), (12, 2), (1, 1)], ids=["harmonic", "no fundamental", "sine"])
def test_pitch_is_found_20_db_above_noise(sr, partials, lowest):
    rng, cents = np.random.default_rng(0), []
    for i in range(30):
        hz = 60.0 * (1000.0 / 60.0) ** rng.uniform()
        x = tone(hz, sr, partials, lowest, seed=i)
        noisy = x + 0.02 * rng.standard_normal(x.size)
        found, sure = RATES[sr](jnp.asarray(noisy[None], jnp.float32))
        inside = slice(7, -7)  # frames that the tone fills
        cents.append(1200.0 * np.log2(np.asarray(found)[0, inside] / hz))
        assert np.min(np.asarray(sure)[0, inside]) > 0.9
    assert np.median(np.abs(cents)) < 2.0
    assert np.max(np.abs(cents)) < 50.0


def test_what_has_no_pitch_is_not_sure_of_one():
    noise = 0.2 * np.random.default_rng(0).standard_normal((1, 13_230))
    for x in (noise, np.zeros_like(noise), np.ones_like(noise)):
        assert np.median(np.asarray(RATES[44_100](jnp.asarray(x, jnp.float32))[1])) < 0.1


def test_slope_of_the_track_is_that_of_the_pitch():
    t = jnp.arange(4410) / 44_100.0

    def found(hz):
        x = 0.2 * jnp.sin(2.0 * jnp.pi * hz * t) + 0.1 * jnp.sin(4.0 * jnp.pi * hz * t + 1.0)
        return jnp.median(f0_track(x[None], 44_100, 50.0, 2000.0, 1764, 441)[0])

    assert float(jax.jit(jax.grad(found))(311.0)) == pytest.approx(1.0, abs=0.02)


@jax.jit
def pitch_apart(x, y):
    return Pitch().distance(Pitch().prepare(x, 16_000), y, 16_000)


def test_a_wrong_pitch_is_better_than_none_and_every_step_helps():
    x = jnp.asarray(tone(220.0, 16_000)[None], jnp.float32)
    off = [2.0 ** (s / 12.0) for s in (24, 12, 7, 1, 0.1, -1, -12, -24)]
    near = [float(pitch_apart(x, jnp.asarray(tone(220.0 * r, 16_000)[None], jnp.float32))) for r in off]
    assert near[:5] == sorted(near[:5], reverse=True)
    assert near[5:] == sorted(near[5:])
    assert near[3] == pytest.approx(0.5**0.5, rel=0.15)
    assert float(pitch_apart(x, 0.0 * x)) > max(near)


def test_harmonicity_is_the_ratio_of_tone_to_noise():
    rng, x = np.random.default_rng(0), tone(220.0, 16_000, seconds=1.0)
    a, b = (x + level * rng.standard_normal(x.size) for level in (0.02, 0.0632))  # 20 and 10 dB
    a, b = (jnp.asarray(v[None], jnp.float32) for v in (a, b))
    assert float(Harmonicity().distance(Harmonicity().prepare(a, 16_000), b, 16_000)) == pytest.approx(1.0, rel=0.3)
