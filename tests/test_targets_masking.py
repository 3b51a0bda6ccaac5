"""What an ear hears beside a louder sound, and what it does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddsp_lab.targets import Masking

SR = 32000
T = np.arange(SR) / SR
FADE = np.clip(np.minimum(T, T[::-1]) / 0.05, 0.0, 1.0)
program = jax.jit(lambda x, y: Masking().distance(Masking().prepare(x, SR), y, SR))


def distance(reference, error):
    return float(program(*(jnp.asarray(v[None], jnp.float32) for v in (reference, reference + error))))


def test_hiss_in_an_empty_band_is_worse_than_noise_under_the_partials():
    """Of the same energy, 20 dB below the sound; a weight by the reference's own masking ranks them backwards."""
    partials = 300.0 * np.arange(1, 9)
    x = FADE * sum(0.1 * np.cos(2 * np.pi * f * T + i) / (i + 1) for i, f in enumerate(partials))
    white = np.fft.rfft(np.random.default_rng(0).standard_normal(SR))
    f = np.fft.rfftfreq(SR, 1 / SR)
    near = sum((np.abs(f - partial) < 15.0) / (i + 1) for i, partial in enumerate(partials))
    values = []
    for shape in ((f > 4000) & (f < 8000), near):
        noise = FADE * np.fft.irfft(white * shape)
        values.append(distance(x, 0.1 * noise * np.sqrt(np.sum(x**2) / np.sum(noise**2))))
    assert values[0] > 3.0 * values[1]


@pytest.mark.parametrize("off_hz", [-40, -30, -20, -10, 10, 20, 30, 40])
def test_a_weak_tone_beside_a_strong_one_is_masked_and_one_far_off_is_not(off_hz):
    masker, near, far = (FADE * np.sin(2 * np.pi * f * T) for f in (785.0, 785.0 + off_hz, 2785.0))
    weak = 0.3 * 10.0 ** (-30.0 / 20.0)
    assert distance(0.3 * masker, weak * near) < 0.01
    assert distance(0.3 * masker, weak * far) > 1.0
