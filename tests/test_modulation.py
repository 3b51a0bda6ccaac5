"""Modulation and time effects: their kernels against plain float64 references, and what a musician may count on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ddsp_lab as dl
from ddsp_lab import Context, Space
from ddsp_lab._pairs import prepare_pair
from ddsp_lab.dsp import lfo, modulated_delay, recursion
from ddsp_lab.dsp.modulated_delay import modulated_feedback, modulated_read
from ddsp_lab.dsp.phase_shift import phase_shift, rotation

SR = 44_100


def noise(seed, samples, level=0.2):
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def apart(a, b):
    return float(np.abs(np.asarray(a) - b).max() / np.abs(b).max())


@pytest.mark.parametrize(("rate", "start_s"), [(0.05, 0.0), (3.3, 60.0), (10.0, 300.0), (5000.0, 20.0)])
def test_phases_stay_exact_for_minutes(rate, start_s):
    rate, first = np.float32(rate), round(start_s * SR)
    got = np.asarray(jax.jit(lambda r: lfo.cycles(r, 0.25, Context(SR, start_s), 50_000))(rate))
    wanted = 0.25 + np.float64(rate) / SR * (first + np.arange(50_000))
    error = (got - wanted + 0.5) % 1.0 - 0.5
    assert np.abs(error).max() < 1e-6


def test_a_wave_runs_from_a_sine_to_a_triangle():
    turns = np.linspace(0.0, 1.0, 401)
    triangle = np.interp(turns, [0.0, 0.25, 0.75, 1.0], [0.0, 1.0, -1.0, 0.0])
    np.testing.assert_allclose(lfo.wave(turns, 0.0), np.sin(2.0 * np.pi * turns), atol=1e-6)
    np.testing.assert_allclose(lfo.wave(turns, 1.0), triangle, atol=1e-6)
    np.testing.assert_allclose(lfo.wave(turns % 1.0, 0.4), lfo.wave(turns, 0.4), atol=1e-6)


def lagrange(line, n, delay):
    """The cubic through four samples about `n - delay`, in float64."""
    whole = int(np.floor(delay)) - 1
    d = 1.0 + delay - np.floor(delay)
    c = [np.prod([(d - j) / (i - j) for j in range(4) if j != i]) for i in range(4)]
    return sum(c[i] * (line[n - whole - i] if n >= whole + i else 0.0) for i in range(4))


def sweep(samples, centre, swing):
    return (centre + swing * np.sin(np.arange(samples) * 0.01)).astype(np.float32)


def test_a_modulated_delay_with_feedback_is_its_recursion():
    samples, history = 4000, 200
    x, delay = noise(0, samples), sweep(samples, 40.0, 36.0)
    w, echo = np.zeros(samples), np.zeros(samples)
    for n in range(samples):
        echo[n] = lagrange(w, n, np.float64(delay[n]))
        w[n] = x[n] - 0.9 * echo[n]
    state, got = jax.jit(modulated_feedback, static_argnums=4)(x, delay, -0.9, jnp.zeros(history), 4)
    assert apart(got, echo) < 1e-5
    assert apart(state, w[-history:]) < 1e-5
    read = jax.jit(modulated_read)(x, delay, jnp.zeros(history))[1]
    assert apart(read, np.array([lagrange(x, n, np.float64(delay[n])) for n in range(samples)])) < 1e-5


def test_blocks_and_samples_solve_the_same_feedback():
    samples, history = 1500, 100
    u, at = jnp.asarray(noise(0, samples)), modulated_delay.tap(jnp.asarray(sweep(samples, 40.0, 30.0)), 97)
    where, gains = modulated_delay.places(at, history), 0.8 * at.coefficients
    one, other = modulated_delay._forwards_by_sample, modulated_delay._forwards_in_blocks
    assert apart(one(u, where, gains, history), other(u, where, gains, history, 9)) < 1e-5
    one, other = modulated_delay._backwards_by_sample, modulated_delay._backwards_in_blocks
    assert apart(one(u, where, gains, history), other(u, where, gains, history, 9)) < 1e-5


def all_passes(x, corner_hz, feedback, stages):
    """The textbook first-order all-pass, state in the middle of an orthogonal section, in float64."""
    g = np.tan(np.pi * corner_hz / SR)
    a = (g - 1.0) / (g + 1.0)
    b, s, y = np.sqrt(1.0 - a * a), np.zeros(stages), np.zeros(x.size)
    for n in range(x.size):
        v = x[n] + feedback * (y[n - 1] if n else 0.0)
        for i in range(stages):
            v, s[i] = a[n] * v + b[n] * s[i], b[n] * v - a[n] * s[i]
        y[n] = v
    return y


def test_a_phaser_s_all_passes_are_their_recursion_and_keep_energy():
    samples, stages = 4000, 6
    x, corner = noise(0, samples), 800.0 * 2.0 ** np.sin(np.arange(samples) * 0.005)
    run = jax.jit(lambda x, g: phase_shift(x, rotation(jnp.asarray(corner), SR), g, jnp.zeros(stages + 1))[1])
    assert apart(run(x, 0.8), all_passes(x.astype(float), corner, 0.8, stages)) < 1e-5
    click = np.zeros(samples, np.float32)
    click[0] = 1.0
    assert np.sum(np.asarray(run(click, 0.0)) ** 2) == pytest.approx(1.0, abs=1e-4)


def test_pieces_side_by_side_are_the_scan_and_so_are_their_derivatives():
    def tick(state, inputs):
        x, a = inputs
        p, q = state
        return (a * p - 0.3 * q + x, 0.5 * p + a * q), p + q

    x, a = jnp.asarray(noise(0, 1300)), jnp.asarray(0.7 + noise(1, 1300, 0.05))
    start = jnp.float32(0.3), jnp.float32(-0.1)
    whole = jax.jit(lambda v: jax.lax.scan(tick, start, v))((x, a))
    pieces = jax.jit(lambda v: recursion._in_pieces(tick, start, v))((x, a))
    for one, other in zip(jax.tree.leaves(pieces), jax.tree.leaves(whole), strict=True):
        assert apart(one, np.asarray(other)) < 1e-5


def settings(chain, seed):
    return Space(chain).sample(jax.random.key(seed))


def plucked(seconds=4.0):
    """Decaying noisy notes, one every half second."""
    rng, t = np.random.default_rng(0), np.arange(int(seconds * SR)) / SR
    notes = rng.choice([110.0, 146.8, 196.0, 246.9], int(2 * seconds))
    sound = sum(
        np.where(t >= k / 2, np.exp(-4.0 * (t - k / 2)), 0.0) * np.sin(2 * np.pi * f * h * (t - k / 2)) / h
        for k, f in enumerate(notes)
        for h in range(1, 12)
    )
    return (0.1 * sound + 0.001 * rng.standard_normal(t.size)).astype(np.float32)[None]


@pytest.mark.parametrize("name", ["tremolo", "chorus", "flanger", "phaser", "vibrato"])
def test_the_first_guess_finds_the_rate(name):
    chain, x = dl.parse(name), plucked()
    hidden = settings(chain, 2) | {"rate_hz": 1.7}
    wet = dl.render(chain, hidden, x, SR)
    late = chain.latency_samples(SR)
    guesses = chain.estimate(x[:, : x.shape[1] - late], wet[:, late:], Context(SR))
    assert any(abs(g["rate_hz"] / 1.7 - 1.0) < 0.03 for g in guesses[:4])


def test_a_wandering_place_keeps_the_power():
    x = noise(0, 20_000)[None]
    wide = dl.render(dl.parse("auto_pan"), {"rate_hz": 5.0, "depth": 1.0, "shape": 0.3, "phase": 0.1}, x, SR)
    np.testing.assert_allclose(np.sum(wide**2, axis=0), x[0] ** 2, rtol=1e-5, atol=1e-9)


def lines(x):
    """Levels in dB at whole hertz of a second of sound, re its loudest."""
    power = np.abs(np.fft.rfft(x[-SR:] * np.hanning(SR)))
    return 20.0 * np.log10(power / power.max() + 1e-12)


def test_a_ring_modulator_makes_sum_and_difference():
    x = np.sin(2.0 * np.pi * 1000.0 * np.arange(2 * SR) / SR).astype(np.float32)[None]
    seen = lines(dl.render(dl.parse("ring_modulator"), {"frequency_hz": 300.0, "mix": 1.0}, x, SR)[0])
    assert seen[[700, 1300]].min() > -0.1
    assert seen[1000] < -80.0


@pytest.mark.parametrize("shift", [-333.0, 200.0])
def test_a_frequency_shifter_leaves_one_sideband(shift):
    for f in (150.0, 1000.0, 12_000.0):
        if f + shift > 0.0:
            x = np.sin(2.0 * np.pi * f * np.arange(2 * SR) / SR).astype(np.float32)[None]
            seen = lines(dl.render(dl.parse("frequency_shifter"), {"shift_hz": shift, "mix": 1.0}, x, SR)[0])
            assert np.argmax(seen) == f + shift
            assert seen[int(abs(f - shift))] < -55.0


def test_echoes_change_sides():
    x, lag, g = noise(0, 3000), 441, 0.7
    left, right = np.zeros(3000), np.zeros(3000)
    for n in range(3000):
        a, b = (w[n - lag] if n >= lag else 0.0 for w in (left, right))
        left[n], right[n] = x[n] + g * b, g * a
    values = {"time_ms": 1e3 * lag / SR, "feedback": g, "mix": 1.0}
    wet = dl.render(dl.parse("ping_pong_delay"), values, x[None], SR)
    late = np.pad(np.stack([left, right]), ((0, 0), (lag, 0)))[:, :3000]
    assert apart(wet, late) < 2e-5


def test_a_sweep_is_no_latency():
    """A flanger that is nearly all wet is late by a delay that moves; nothing is taken off, nor refused."""
    chain, x = dl.parse("flanger"), plucked()
    hidden = {"rate_hz": 1.3, "depth": 0.3, "centre_delay_ms": 5.0, "feedback": -0.5, "mix": 0.97}
    pair = prepare_pair(x, dl.render(chain, hidden, x, SR), SR, chain)
    assert (pair.alignment.applied_samples, pair.alignment.polarity) == (0, 1)
