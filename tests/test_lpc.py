"""Linear prediction: exact where it is easily wrong, stable and differentiable everywhere."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import SR, plucks, wet
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

import ddsp_lab as dl
from ddsp_lab.dsp import lpc

AR4 = (-0.96, 0.9, -0.6, 0.4)
LENGTH = 200_000


def filtered(k, samples=LENGTH, seed=0):
    a = np.asarray(lpc.reflection_to_filter(jnp.asarray(k)), np.float64)
    return lfilter([1.0], a, np.random.default_rng(seed).standard_normal(samples))


def found(x, order):
    return lpc.reflections(lpc.autocorrelation(jnp.asarray(x, jnp.float32), order))


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
def test_a_fourth_order_process_is_predicted_as_theory_says_at_every_scale(scale):
    k = found(scale * filtered(AR4), 4)
    np.testing.assert_allclose(k, AR4, atol=5e-3)
    theory = -10.0 * np.log10(np.prod(1.0 - np.square(AR4)))
    assert float(lpc.prediction_gain_db(k)) == pytest.approx(theory, abs=0.1)


@pytest.mark.parametrize("order", [1, 2, 9, pytest.param(32, marks=pytest.mark.nightly)])
def test_reflections_solve_the_normal_equations(order, x64):
    r = lpc.autocorrelation(jnp.asarray(filtered(AR4, 3000)), order)
    k = lpc.reflections(r)
    a = lpc.reflection_to_filter(k)
    r = np.array(r)
    r[0] *= 1.0 + lpc.RIDGE
    np.testing.assert_allclose(a[1:], solve_toeplitz(r[:-1], -r[1:]), atol=1e-9)
    np.testing.assert_allclose(lpc.filter_to_reflection(a), k, atol=1e-9)
    assert float(lpc.prediction_gain_db(k)) == pytest.approx(float(10 * np.log10(r[0] / (a @ r))), abs=1e-6)


def test_order_one_is_an_order():
    k = found(filtered((-0.9,)), 1)
    assert k.shape == (1,)
    assert float(k[0]) == pytest.approx(-0.9, abs=5e-3)


T = np.arange(4096)
ODD = {
    "silence": 0.0 * T,
    "denormal": 1e-38 + 0.0 * T,
    "dc": 1.0 + 0.0 * T,
    "impulse": 1.0 * (T == 0),
    "sine": np.sin(0.3 * T),
    "slow sine": np.sin(1e-3 * T),
    "half the rate": (-1.0) ** T,
    "a step": 1.0 * (T > 4000),
    "loud": 1e6 * np.sin(0.3 * T),
}


@cache
def gain_and_slope(order):
    return jax.jit(jax.value_and_grad(lambda x: jnp.sum(lpc.prediction_gain_db(found(x, order)))))


@pytest.mark.parametrize("x", ODD.values(), ids=ODD)
@pytest.mark.parametrize("order", [1, 2, pytest.param(32, marks=pytest.mark.nightly)])
def test_silence_and_what_is_wholly_predictable_stay_finite_and_stable(x, order):
    x = jnp.asarray(x, jnp.float32)
    k = np.asarray(found(x, order))
    gain_db, slope = gain_and_slope(order)(x)
    assert (np.abs(k) < 1.0).all()
    assert np.isfinite(slope).all()
    assert np.isfinite(gain_db)


def test_orders_longer_than_the_signal_add_nothing():
    k = np.asarray(found(np.ones(3), 8))
    assert k.shape == (8,)
    assert (np.abs(k) < 1.0).all()


def test_slopes_are_finite_differences(x64):
    rng = np.random.default_rng(1)
    x, dx, w = filtered(AR4, 300), rng.standard_normal(300), rng.standard_normal(9)

    @jax.jit
    def f(h):
        return jnp.vdot(w, lpc.reflection_to_filter(lpc.reflections(lpc.autocorrelation(jnp.asarray(x) + h * dx, 8))))

    assert float(jax.grad(f)(0.0)) == pytest.approx(float(f(1e-6) - f(-1e-6)) / 2e-6, rel=1e-6)


def test_what_is_left_over_is_white_and_gives_the_signal_back():
    x, a = filtered(AR4, 5000), lpc.reflection_to_filter(jnp.asarray(AR4))
    left = lpc.prediction_residual(jnp.asarray(x, jnp.float32)[None], a)
    np.testing.assert_allclose(left[0], np.random.default_rng(0).standard_normal(5000), atol=1e-3)


def test_entropy_is_that_of_whole_numbers_and_falls_by_the_gain():
    x = np.round(300.0 * filtered(AR4) / np.std(filtered(AR4))).astype(np.int32)
    a = np.asarray(lpc.reflection_to_filter(jnp.asarray(AR4)), np.float64)
    left = lpc.integer_residual(x[None], a)[0]
    gaussian = [0.5 * np.log2(2.0 * np.pi * np.e * v.var()) for v in (x, left)]
    assert [lpc.entropy_bits(v) for v in (x, left)] == pytest.approx(gaussian, abs=0.02)
    saved = lpc.entropy_bits(x) - lpc.entropy_bits(left)
    assert saved == pytest.approx(float(lpc.prediction_gain_db(jnp.asarray(AR4))) / 6.02, abs=0.1)
    rebuilt = np.zeros(x.size + 4, np.int64)
    for n in range(200):
        rebuilt[n + 4] = left[n] - np.round(a[1:] @ rebuilt[n : n + 4][::-1]).astype(np.int64)
    np.testing.assert_array_equal(rebuilt[4:204], x[:200])
    assert lpc.entropy_bits(np.full(10, 7)) == lpc.entropy_bits(np.zeros(0, int)) == 0.0


def test_entropy_of_a_density_is_refused():
    """A histogram of floats has another "entropy" at every scale."""
    with pytest.raises(TypeError, match="Whole numbers are needed, not float64"):
        lpc.entropy_bits(np.random.default_rng(0).standard_normal(1000))
    with pytest.raises(TypeError, match="float32"):
        lpc.integer_residual(np.zeros((1, 8), np.float32), np.ones(2))


def test_the_lattice_is_the_filter_and_its_rows_are_orthonormal(x64):
    k = jnp.asarray([-0.9, 0.8, -0.5, 0.3, 0.7])
    rows = np.asarray(lpc.lattice_rows(k))
    np.testing.assert_allclose(rows @ rows.T, np.eye(5), atol=1e-12)
    x = np.random.default_rng(0).standard_normal(300)
    state, y = np.zeros(5), []
    for v in x:
        state = rows @ np.append(state, v)
        y.append(state[0])
    wanted = lfilter([np.sqrt(np.prod(1.0 - np.square(k)))], np.asarray(lpc.reflection_to_filter(k)), x)
    np.testing.assert_allclose(y, wanted, atol=1e-10)


@pytest.mark.parametrize("noise", [pytest.param(0.0, marks=pytest.mark.nightly), 0.01])
def test_an_all_pole_filter_is_found(noise):
    k, x = [-0.9, 0.8, -0.3, 0.5], plucks(seconds=2.0)
    y = wet("all_pole >> gain(gain_db=-3)", x, **{"all_pole.reflection": k})
    y = y + noise * np.std(y) * np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    guesses = dl.parse("all_pole").estimate(x, y, dl.Context(SR))
    assert len(guesses) == 2
    np.testing.assert_allclose(guesses[0]["reflection"], k, atol=1e-3 + 10 * noise)
    assert guesses[0]["gain_db"] == pytest.approx(-3.0, abs=0.01 + 20 * noise)
    np.testing.assert_allclose(guesses[1]["reflection"], k, atol=0.1)
    if not noise:
        result = dl.fit("all_pole", x, y, SR)
        np.testing.assert_allclose(result.values["reflection"], k, atol=1e-3)


def test_the_spectral_envelope_target_hears_resonances_and_hardly_pitch():
    target = dl.targets.SpectralEnvelope(order=12)
    t = np.arange(SR) / SR

    def voice(pitch_hz, k):
        a = np.asarray(lpc.reflection_to_filter(jnp.asarray(k)), np.float64)
        x = lfilter([1.0], a, np.diff(np.floor(pitch_hz * t), prepend=0.0))
        return jnp.asarray(0.1 * x / np.std(x) + 1e-3 * np.random.default_rng(0).standard_normal(SR), jnp.float32)[None]

    ah, ee = (-0.9, 0.8, -0.3, 0.5), (-0.6, 0.7, 0.4, 0.5)
    features = target.prepare(voice(110.0, ah), SR)
    pitch, vowel = (float(target.distance(features, y, SR)) for y in (voice(117.0, ah), voice(110.0, ee)))
    assert pitch < 0.1 * vowel
