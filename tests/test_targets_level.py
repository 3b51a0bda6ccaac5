"""Loudness beside an independent meter."""

import jax
import jax.numpy as jnp
import numpy as np
import pyloudnorm
import pytest

from ddsp_lab.dsp.loudness import integrated_loudness

MOST = 3 * 48000
program = jax.jit(integrated_loudness, static_argnums=1)


def measured(x, sr):
    """One program a rate, whatever the length."""
    padded = np.pad(x, ((0, 2 - x.shape[0]), (0, MOST - x.shape[1])))
    return float(program(jnp.asarray(padded), sr, jnp.asarray(x.shape[1])))


def signal(seed):
    """Coloured noise in phrases at levels from loud to below the gate, one to three seconds in tenths."""
    rng = np.random.default_rng(seed)
    sr = int(rng.choice([44100, 48000]))
    channels, tenths = int(rng.integers(1, 3)), int(rng.integers(10, 31))
    spectrum = np.fft.rfft(rng.standard_normal((channels, tenths * sr // 10)))
    spectrum /= np.maximum(np.fft.rfftfreq(tenths * sr // 10, 1 / sr), 10.0) ** rng.uniform(0.0, 1.0)
    x = np.fft.irfft(spectrum, tenths * sr // 10)
    levels = np.repeat(10.0 ** (rng.uniform(-75.0, -3.0, tenths // 5 + 1) / 20.0), sr // 2)[: x.shape[1]]
    return (levels * x / np.sqrt(np.mean(x**2))).astype(np.float32), sr


def test_loudness_is_that_of_another_meter_on_fifty_signals():
    errors = []
    for seed in range(50):
        x, sr = signal(seed)
        wanted = pyloudnorm.Meter(sr, filter_class="DeMan").integrated_loudness(x.T.astype(np.float64))
        errors.append(measured(x, sr) - wanted)
    assert np.abs(errors).max() < 0.01


@pytest.mark.parametrize("sr", [32000, 44100, 48000, 96000])
def test_loudness_of_the_reference_tone(sr):
    """A sine of 997 Hz at full scale on one channel is -3.01 LUFS by the standard."""
    tone = np.sin(2 * np.pi * 997 * np.arange(sr) / sr)[None].astype(np.float32)
    assert measured(tone, sr) == pytest.approx(-3.01, abs=0.01)
