"""What sources are made of, written out instead of derived: sines, noise, and slopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import jit

from ddsp_lab.dsp import band_limited, envelopes, noise, trig

SR = 48_000


def test_a_sine_of_turns_and_a_tangent_are_exact_to_seven_digits():
    turns = np.linspace(-3.0, 3.0, 100_001).astype(np.float32)
    angle = 2.0 * np.pi * np.float64(turns)
    assert np.abs(trig.sine(turns) - np.sin(angle)).max() < 3e-7
    assert np.abs(trig.cosine(turns) - np.cos(angle)).max() < 5e-7
    share = np.geomspace(1e-6, 0.49, 10_001).astype(np.float32)
    exact = np.tan(np.pi * np.float64(share))
    assert np.abs(trig.half_tangent(share) / exact - 1.0).max() < 5e-7


blend = jit(band_limited.blend)
pushed = jit(lambda at, along: jax.jvp(band_limited.blend, at, along)[1])


@pytest.mark.parametrize("shape", [0.3, 1.6, 2.2])
def test_the_slopes_of_a_blend_are_its_differences(shape):
    """In every argument, at any place in a turn, also where jumps are closer than their shapes are long."""
    rng, by = np.random.default_rng(0), 1e-6
    with jax.enable_x64(True):
        at = rng.uniform(size=500), rng.uniform(0.01, 0.33, 500), np.float64(shape), np.float64(0.31)
        for k in range(4):
            along = tuple(np.full_like(v, i == k) for i, v in enumerate(at))
            low, high = (blend(*(v + s * by * d for v, d in zip(at, along, strict=True))) for s in (-1.0, 1.0))
            np.testing.assert_allclose(pushed(at, along), (high - low) / (2.0 * by), atol=2e-4)


@pytest.mark.parametrize(("draw", "variance"), [(noise.uniform, 1.0 / 3.0), (noise.normal, 1.0)])
def test_hashed_noise_is_white_and_another_for_each_key(draw, variance):
    keys = [jax.random.fold_in(jax.random.key(0), i) for i in range(20)]
    y = np.stack([draw(key, (SR,)) for key in keys])
    assert np.isfinite(y).all()
    assert y.var() == pytest.approx(variance, rel=5e-3)
    assert np.abs(np.corrcoef(y) - np.eye(20)).max() < 5.0 / np.sqrt(SR)
    power = np.mean(np.abs(np.fft.rfft(y)[:, 1:-1]) ** 2, axis=0) / (SR * variance)
    assert np.abs([band.mean() - 1.0 for band in np.array_split(power, 16)]).max() < 0.02
    assert power.std() == pytest.approx(20**-0.5, rel=0.05)  # as of independent samples


def test_the_slopes_of_an_envelope_are_those_of_its_formula():
    rng = np.random.default_rng(2)
    with jax.enable_x64(True):
        t = jnp.arange(0, SR // 4, 7) / SR
        w = jnp.asarray(rng.standard_normal(t.size))

        def formula(off, attack, decay, sustain, release, curve):
            levels, bend = (jnp.zeros(()), jnp.ones(()), sustain), envelopes.bent
            held = envelopes.segments(jnp.minimum(t, off), (attack, decay), levels, (curve, curve))
            return w @ (held * (1.0 - bend((t - off) / (release + envelopes.SHORTEST_S), curve)))

        slopes = [jax.jit(jax.grad(f, range(6))) for f in (formula, lambda *v: w @ envelopes.adsr(t, *v))]
        for off, curve in ((0.003, 4.0), (0.03, -3.0), (0.1, 0.0), (0.2, 1.0)):
            point = [jnp.asarray(v) for v in (off, 0.0101, 0.0503, 0.4, 0.0607, curve)]
            exact, found = (np.asarray(f(*point)) for f in slopes)
            np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-6)
