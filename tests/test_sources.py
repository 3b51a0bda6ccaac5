"""The maths of sound sources against additive and float64 references: tuning, aliases, decays, slopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddsp_lab.dsp import band_limited, envelopes, phase

SR = 48_000


def turned(a, b):
    """The largest difference of two phases in cycles, whole turns apart."""
    d = np.asarray(a, np.float64) - b
    return np.abs(d - np.round(d)).max()


# --- phase


@pytest.mark.parametrize("sr", [44_100, SR])
@pytest.mark.parametrize("f", [27.5, 439.7321, 5000.13])
def test_the_64th_harmonic_is_in_place_after_a_minute(f, sr):
    f, n = np.float32(f), np.arange(60 * sr)
    exact = np.float64(f) * n / sr
    assert 64.0 * turned(jax.jit(phase.steady, static_argnums=2)(f, n.astype(np.int32), sr), exact) < 1e-3
    assert 64.0 * turned(jax.jit(phase.running, static_argnums=1)(np.full(n.size, f), sr), exact) < 1e-3


def test_a_moving_frequency_is_summed_without_a_growing_error():
    n = np.arange(60 * SR)
    f = np.float32(440.0 * 2.0 ** (2.0 * np.sin(n / 7000.0)))
    f[: n.size // 4] *= -1.0
    exact = np.concatenate([[0.0], np.cumsum(f.astype(np.float64) / SR)[:-1]])
    assert turned(jax.jit(phase.running, static_argnums=1)(f, SR), exact) < 5e-6


def test_a_running_phase_has_the_slope_of_a_sum():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal(1000).astype(np.float32)
    slope = jax.grad(lambda f: weight @ phase.running(f, SR))(jnp.full(1000, 300.0))
    after = np.cumsum(weight[::-1].astype(np.float64))[::-1] - weight
    np.testing.assert_allclose(slope, after / SR, rtol=0, atol=1e-8)


# --- waves


def harmonic_sum(kind, turns, count, width=0.3):
    k = np.arange(1, count + 1)
    sine = np.sin(2.0 * np.pi * np.outer(k, turns))
    if kind == "saw":
        return 2.0 / np.pi * ((-1.0) ** (k + 1) / k) @ sine
    if kind == "triangle":
        return 8.0 / np.pi**2 * np.where(k % 2, (-1.0) ** ((k - 1) // 2) / k**2, 0.0) @ sine
    return 2.0 / np.pi * (1.0 / k) @ (sine - np.sin(2.0 * np.pi * np.outer(k, turns - width)))


WAVES = {
    "saw": band_limited.saw,
    "triangle": band_limited.triangle,
    "pulse": lambda turns, per_sample: band_limited.pulse(turns, per_sample, 0.3),
}


@pytest.mark.parametrize("kind", WAVES)
@pytest.mark.parametrize(("f", "alias_db"), [(110, -85), (523, -70), (1999, -60)])
def test_aliases_below_15_khz_and_harmonics_there(kind, f, alias_db):
    """One second, so that a bin is one hertz and an aliased harmonic falls beside all true ones."""
    turns = f * np.arange(SR) / SR
    y = np.asarray(WAVES[kind](jnp.asarray(turns % 1.0, jnp.float32), jnp.float32(f / SR)))
    spectrum, ideal = (np.abs(np.fft.rfft(v))[:15_001] for v in (y, harmonic_sum(kind, turns, 15_000 // f)))
    true = np.arange(15_001) % f == 0
    assert 20.0 * np.log10(spectrum[~true].max() / ideal.max()) < alias_db
    heard = true & (ideal > 1e-3 * ideal.max())
    assert np.abs(20.0 * np.log10(spectrum[heard] / ideal[heard])).max() < 0.3


@pytest.mark.parametrize("kind", WAVES)
def test_a_wave_and_its_slope_are_those_of_its_harmonics(kind):
    """The slope at jumps too, where the plain wave has none. Two periods, so that every second bin is a harmonic."""
    f, by = 200, 1e-4
    turns = f * np.arange(480) / SR

    def both(v):
        return WAVES[kind](v, jnp.float32(f / SR))

    y, slope = jax.vmap(jax.value_and_grad(both))(jnp.asarray(turns, jnp.float32))
    above, below, ideal = (harmonic_sum(kind, turns + v, 119) for v in (by, -by, 0.0))
    for got, exact in ((y, ideal), (slope, (above - below) / (2.0 * by))):
        error, exact = (np.abs(np.fft.rfft(v))[2:150:2] for v in (got - exact, exact))  # to 15 kHz
        assert error.max() < 0.04 * exact.max()


def test_a_blend_passes_through_all_waves():
    turns, per_sample = jnp.asarray(np.arange(200) / 97.3, jnp.float32), jnp.float32(1.0 / 97.3)
    waves = [jnp.sin(2.0 * jnp.pi * turns)] + [f(turns, per_sample) for f in WAVES.values()]
    for shape, wave in zip((0.0, 2.0, 1.0, 3.0), waves, strict=True):
        np.testing.assert_allclose(band_limited.blend(turns, per_sample, jnp.float32(shape), 0.3), wave, atol=1e-6)


# --- envelopes

T = jnp.arange(SR // 4, dtype=jnp.float32) / SR


def test_an_envelope_of_a_thousand_settings_has_finite_slopes_that_live():
    """At zero times, straight bends and notes that end inside the attack among them."""
    rng = np.random.default_rng(0)
    settings = rng.uniform(0.0, 0.1, (1000, 6)) * rng.integers(0, 2, (1000, 6))
    settings[:, 0] = rng.uniform(0.0, 0.2, 1000)
    settings[:, 5] = rng.uniform(-8.0, 8.0, 1000) * rng.integers(0, 2, 1000)
    settings[:, 3] *= 10.0

    def both(v):
        e = envelopes.adsr(T, *v)
        return jnp.sum(e), e

    slope, e = jax.lax.map(jax.grad(both, has_aux=True), jnp.asarray(settings, jnp.float32), batch_size=50)
    assert np.isfinite(slope).all()
    assert (np.asarray(e) >= 0.0).all()
    assert (np.asarray(e) <= 1.0).all()
    off, attack, decay, sustain, release = settings[:, :5].T
    assert (slope[off > 0.001, 1] != 0.0).all()
    assert (slope[(off > attack + 0.001) & (sustain < 0.9), 2] != 0.0).all()
    assert (slope[(sustain > 0.01) & (off > attack + decay + 0.001) & (off < 0.1), 4] != 0.0).all()
    assert (release == 0.0).any()


@pytest.mark.parametrize("off", [0.003, 0.02, 0.1])
def test_an_envelope_is_continuous_wherever_the_note_ends(off):
    e = np.asarray(envelopes.adsr(T, off, *(jnp.float32(v) for v in (0.01, 0.05, 0.4, 0.05, 2.0))))
    assert np.abs(np.diff(e)).max() < 1.0 / (0.01 * SR) * 2.4
    assert e[round((off + 0.051) * SR)] == 0.0


def test_segments_pass_through_their_levels():
    times, levels = (0.05, 0.02, 0.1), (0.2, 1.0, 0.3, 0.6)
    e = envelopes.segments(T, jnp.asarray(times), jnp.asarray(levels), jnp.asarray([0.0, 3.0, -3.0]))
    at = np.cumsum([0.0, *times]) + envelopes.SHORTEST_S * np.arange(4)
    np.testing.assert_allclose(np.interp(at, T, e), levels, atol=2e-3)
    assert float(e[-1]) == pytest.approx(0.6)
