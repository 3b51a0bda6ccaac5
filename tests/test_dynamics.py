"""Dynamics: against loops in float64 written here, and against what their names promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddsp_lab.dsp import ballistics

SR = 48_000


def noise(seed, samples, channels=1, level=0.2):
    return (level * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


def apart(a, b):
    """The largest difference over the largest sample of `b`."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def followed(x, up, down, y=0.0):
    """The branching smoother, sample by sample."""
    out = []
    for v in np.asarray(x, np.float64).tolist():
        y = v + (up if v > y else down) * (y - v)
        out.append(y)
    return np.array(out)


def coefficient(ms, sr=SR):
    return float(np.exp(-1e3 / (ms * sr)))


# --- ballistics, in the form for a GPU or TPU

LEVELS = {
    "noise in dB": lambda t, n: 10.0 * np.maximum(np.log10(n * n + 1e-10) + 2.0, 0.0),
    "ramps": lambda t, n: 3.0 * t % 1.0,
    "a slow walk": lambda t, n: 0.01 * np.abs(np.cumsum(n)),
    "a sweep": lambda t, n: 1.0 + np.sin(2.0 * np.pi * np.cumsum(np.geomspace(0.1, 2e4, n.size)) / SR),
    "clicks": lambda t, n: 1.0 * (n > 3.5),
}


@pytest.fixture
def elsewhere(monkeypatch):
    """As on a platform that is no CPU."""
    monkeypatch.setattr(jax.lax, "platform_dependent", lambda *args, cpu, default: default(*args))


@pytest.mark.parametrize("times", [(0.1, 500.0), (8.0, 100.0), (100.0, 5.0), (100.0, 500.0)])
@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_the_parallel_smoother_is_the_serial_one(level, times, elsewhere):
    """Five seconds of it: 16 steps of Newton's method are enough, and nothing is lost to rounding near one."""
    t = np.arange(5 * SR) / SR
    x = np.float32(level(t, np.random.default_rng(0).standard_normal(t.size)))
    up, down = (np.float32(coefficient(ms)) for ms in times)
    y = jax.jit(ballistics.attack_release)(jnp.asarray(x), up, down, jnp.float32(0.5))
    assert apart(np.asarray(y), followed(x, float(up), float(down), 0.5)) < 2e-6


@pytest.mark.parametrize("times", [(1.0, 50.0), (50.0, 1.0)])
def test_its_derivatives_are_the_serial_ones(times, monkeypatch, x64):
    rng = np.random.default_rng(0)
    args = (jnp.asarray(rng.exponential(size=3000)), *(jnp.asarray(v) for v in (*map(coefficient, times), 0.5)))
    along, w = tuple(map(jnp.asarray, (rng.standard_normal(3000), 0.01, -0.02, 0.3))), rng.standard_normal(3000)

    def derivatives():
        y, push = jax.jvp(ballistics.attack_release, args, along)
        return y, push, *jax.vjp(ballistics.attack_release, *args)[1](w)

    serial = derivatives()
    monkeypatch.setattr(jax.lax, "platform_dependent", lambda *args, cpu, default: default(*args))
    for a, b in zip(derivatives(), serial, strict=True):
        assert apart(np.asarray(a), np.asarray(b)) < 1e-9


def test_a_mean_follows_a_step_by_63_percent():
    y = ballistics.mean_over(jnp.ones(SR // 100), jnp.float32(0.01), SR, jnp.zeros(()))
    assert y[-1] == pytest.approx(1.0 - np.exp(-1.0), rel=1e-5)
    x = noise(0, SR)[0] ** 2
    a = coefficient(10.0)
    wanted = followed(x, a, a)
    assert apart(np.asarray(ballistics.mean_over(jnp.asarray(x), jnp.float32(0.01), SR, jnp.zeros(()))), wanted) < 1e-6
