"""Distances between waveforms against their formulas in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddsp_lab.targets import Esr, LogCosh, Mae, Mse, SiSdr, Snr

SR = 8000


def noise(seed, level=0.2, offset=0.0):
    return (offset + level * np.random.default_rng(seed).standard_normal((2, 3000))).astype(np.float32)


X, Y = noise(0, offset=0.05), noise(0) + noise(1, 0.05, offset=0.02)


def distance(target, x=X, y=Y):
    return float(target.distance(target.prepare(jnp.asarray(x), SR), jnp.asarray(y), SR))


def si_sdr_db(x, y):
    x = np.ravel(x).astype(np.float64)
    fit = np.vdot(x, y) / np.vdot(x, x) * x
    return 10 * np.log10(np.sum(fit**2) / np.sum((y - fit) ** 2))


def test_each_is_its_formula():
    x, y = X.astype(np.float64), Y.astype(np.float64)
    x0, y0 = (v - v.mean(1, keepdims=True) for v in (x, y))
    e, e0 = y - x, y0 - x0
    for target, wanted in {
        Mse(): np.mean(e**2),
        Mae(): np.mean(np.abs(e)),
        LogCosh(): np.mean(np.log(np.cosh(e))),
        LogCosh(sharpness=300.0): np.mean(np.log(np.cosh(300 * e))) / 300,
        Snr(): 80 - 10 * np.log10(np.sum(x0**2) / np.sum(e0**2)),
        Snr(zero_mean=False, limit_db=60.0): 60 - 10 * np.log10(np.sum(x**2) / np.sum(e**2)),
        SiSdr(): 80 - si_sdr_db(x0, np.ravel(y0)),
        SiSdr(zero_mean=False): 80 - si_sdr_db(x, np.ravel(y)),
        Esr(dc=0.5): np.sum(e**2) / np.sum(x**2) + 0.5 * np.sum(e.mean(1) ** 2) / np.sum(np.mean(x**2, 1)),
    }.items():
        assert distance(target) == pytest.approx(wanted, rel=1e-5), target


def test_log_cosh_of_a_small_error_is_half_its_square():
    x = np.zeros_like(X)
    assert distance(LogCosh(), x, x + np.float32(1e-4)) == pytest.approx(0.5e-8, rel=1e-4)
    assert distance(LogCosh(sharpness=1e4), x, x + 1) == pytest.approx(1.0 - np.log(2) / 1e4, rel=1e-6)


def test_ratios_end_at_their_limit():
    assert distance(Snr(), X, X + np.float32(1e-8) * Y) < 1e-3
    assert distance(Snr(limit_db=40.0), X, np.zeros_like(X)) == pytest.approx(40.0, abs=1e-3)
    assert distance(SiSdr(), X, np.zeros_like(X)) == 160.0
    one, other = np.eye(2, 3000, 500, dtype=np.float32), np.eye(2, 3000, 700, dtype=np.float32)
    assert distance(SiSdr(zero_mean=False), one[::-1], other) == pytest.approx(160.0, abs=1e-3)


def test_silence_is_left_by_every_target_that_knows_levels():
    for target in (Esr(), Mse(), Mae(), LogCosh(), Snr()):
        features = target.prepare(jnp.asarray(X), SR)
        slope = jax.grad(lambda y, t=target, f=features: t.distance(f, y, SR))(jnp.zeros_like(X))
        assert np.vdot(slope, X) < 0.0, target
