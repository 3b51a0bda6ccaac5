"""Dynamics: against loops in float64 written here, and against what their names promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from helpers import jit

from ddsp_lab import Context, render
from ddsp_lab.dsp import ballistics, dynamics
from ddsp_lab.dsp.crossover import no_sound, split
from ddsp_lab.effects import Compressor, DeEsser, Expander, Gate, Limiter, MultibandCompressor, TransientShaper

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


def level_db(x):
    return 10.0 * np.log10(np.square(x, dtype=np.float64) + 1e-10)


def music(seconds=1.0, channels=1):
    """Decaying noise, three strokes a second, from full scale to near silence."""
    t = np.arange(int(seconds * SR)) / SR
    return (0.3 * np.exp(-12.0 * (3.0 * t % 1.0)) * noise(7, t.size, channels, 1.0)).astype(np.float32)


# --- windows


@pytest.mark.parametrize("length", [1, 2, 3, 7, 240])
def test_windows_slide(length):
    x = noise(0, 1000, 2)
    before = jnp.zeros((2, length - 1))
    views = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (length - 1, 0))), length, axis=1)
    np.testing.assert_array_equal(dynamics.sliding_max(before, jnp.asarray(x))[1], views.max(axis=2))
    mean = dynamics.sliding_mean(before, jnp.asarray(x))[1]
    assert apart(np.asarray(mean), views.mean(axis=2, dtype=np.float64)) < 1e-6


# --- expander and gate


def softened(o, knee):
    return np.where(2 * np.abs(o) < knee, (o + knee / 2) ** 2 / (2 * knee), np.maximum(o, 0.0))


def test_an_expander_is_the_textbook_one():
    p = {"threshold_db": -30.0, "ratio": 3.0, "attack_ms": 2.0, "release_ms": 40.0, "knee_db": 8.0, "range_db": 30.0}
    x = music()
    wanted = np.minimum(2.0 * softened(-30.0 - level_db(x[0]), 8.0), 30.0)
    reduction = -followed(-wanted, coefficient(2.0), coefficient(40.0), -30.0)
    assert apart(render(Expander(), p, x, SR)[0], x[0] * 10.0 ** (-reduction / 20.0)) < 1e-5


def test_an_expander_takes_off_what_its_ratio_says_and_no_more_than_its_range():
    p = {"threshold_db": -20.0, "ratio": 2.0, "attack_ms": 1.0, "release_ms": 5.0, "knee_db": 0.0, "range_db": 15.0}
    for below, off in ((-10.0, 0.0), (5.0, 5.0), (10.0, 10.0), (20.0, 15.0)):
        x = np.full((1, SR), 10.0 ** ((-20.0 - below) / 20.0), np.float32)
        y = render(Expander(), p, x, SR)
        assert 20.0 * np.log10(y[0, -1] / x[0, -1]) == pytest.approx(-off, abs=1e-3)


def test_a_gate_is_its_formula():
    p = {"threshold_db": -30.0, "attack_ms": 2.0, "release_ms": 40.0, "knee_db": 8.0, "range_db": 30.0}
    x, hold = music(), SR // 100
    u = np.clip((level_db(x[0]) + 30.0) / 8.0 + 0.5, 0.0, 1.0)
    s = np.pad(u * u * (3.0 - 2.0 * u), (hold, 0))
    held = np.lib.stride_tricks.sliding_window_view(s, hold + 1).max(axis=1)
    opening, rest = followed(held, coefficient(2.0), coefficient(40.0)), 10.0 ** (-30.0 / 20.0)
    assert apart(render(Gate(hold_ms=10.0), p, x, SR)[0], x[0] * (rest + (1.0 - rest) * opening)) < 1e-5


def test_a_gate_opens_holds_and_shuts_in_its_times():
    p = {"threshold_db": -20.0, "attack_ms": 10.0, "release_ms": 100.0, "knee_db": 1.0, "range_db": 80.0}
    x = np.full((1, SR), 1e-3, np.float32)
    x[:, : SR // 2] = 0.5
    gain = render(Gate(hold_ms=50.0), p, x, SR)[0] / x[0]
    assert gain[SR // 100 - 1] == pytest.approx(1.0 - np.exp(-1.0), abs=1e-3)
    shuts = SR // 2 + SR // 20
    assert gain[shuts - 1] == pytest.approx(1.0, abs=1e-3)
    assert gain[shuts + SR // 10 - 1] == pytest.approx(np.exp(-1.0), abs=1e-3)


def test_a_gate_hears_its_threshold():
    """A threshold short of the level has a slope that leads there: the knee is not a step."""
    x = music()
    wanted = render(Gate(), {"threshold_db": -30.0, "knee_db": 12.0}, x, SR)
    values = {"attack_ms": 1.0, "release_ms": 100.0, "knee_db": 12.0, "range_db": 60.0}

    @jax.jit
    def loss(threshold):
        y = Gate().apply(values | {"threshold_db": threshold}, jnp.asarray(x), Context(SR))
        return jnp.sum((y - wanted) ** 2)

    slope = jax.grad(loss)
    assert slope(-24.0) > 0.0 > slope(-36.0)


# --- limiter


@pytest.mark.parametrize("lookahead_ms", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("true_peak", [False, True])
def test_a_limiter_never_exceeds_its_ceiling(lookahead_ms, true_peak):
    limiter = Limiter(lookahead_ms=lookahead_ms, true_peak=true_peak)
    rng = np.random.default_rng(0)
    for x in (
        noise(1, SR, 2, 1.0),
        music(1.0, 2),
        np.eye(2, SR, 300, dtype=np.float32),
        rng.choice([-1.0, 1.0], (2, SR)),
    ):
        for gain, ceiling, release in ((24.0, -24.0, 5.0), (12.0, -1.0, 500.0), (0.0, 0.0, 50.0)):
            p = {"gain_db": gain, "ceiling_db": ceiling, "release_ms": release}
            assert np.abs(render(limiter, p, np.float32(x), SR)).max() <= 10.0 ** (ceiling / 20.0)


def test_a_limiter_is_its_formula():
    x, ahead = music(), 240
    excess = np.maximum(level_db(x[0]) + 12.0 + 6.0 + 1e-4, 0.0)
    largest = np.lib.stride_tricks.sliding_window_view(np.pad(excess, (ahead, 0)), ahead + 1).max(axis=1)
    c = followed(largest, 0.0, coefficient(50.0))
    for box in (121, 121):
        c = np.convolve(c, np.full(box, 1.0 / box))[: c.size]
    wanted = np.pad(x[0], (ahead, 0))[: c.size] * 10.0 ** ((12.0 - c) / 20.0)
    late = jax.jit(lambda x: Limiter().apply({"gain_db": 12.0, "ceiling_db": -6.0, "release_ms": 50.0}, x, Context(SR)))
    assert apart(np.asarray(late(jnp.asarray(x)))[0], wanted) < 1e-5


def test_what_is_below_the_ceiling_passes_as_it_is():
    x = noise(0, SR, level=0.05)
    np.testing.assert_allclose(render(Limiter(), {"ceiling_db": -1.0}, x, SR), x, rtol=1e-6)


def test_true_peaks_are_held_too():
    """Peaks between samples, seen at 16 times the rate: 3 dB over without `true_peak`, within 0.1 dB with it."""
    b = scipy.signal.firwin(255, 0.5)
    tone = np.sin(np.pi / 2.0 * np.arange(SR) + np.pi / 4.0)[None]
    for x, over in ((tone, 2.9), (scipy.signal.lfilter(b, 1.0, noise(3, SR, 1, 1.0)), 0.3)):
        peaks = []
        for limiter in (Limiter(), Limiter(true_peak=True)):
            y = render(limiter, {"gain_db": 6.0, "ceiling_db": -6.0, "release_ms": 50.0}, np.float32(x), SR)
            peaks.append(
                20.0 * np.log10(np.abs(scipy.signal.resample_poly(y[0, 2000:-2000], 16, 1)[800:-800]).max()) + 6.0
            )
        assert peaks[0] > over
        assert peaks[1] < 0.1


# --- compressor, with its settings


def test_a_compressor_with_all_its_settings_is_its_formula():
    block = Compressor(detector="rms", sidechain=True, parallel=True, lookahead_ms=2.0)
    p = {
        "threshold_db": -30.0,
        "ratio": 4.0,
        "attack_ms": 5.0,
        "release_ms": 60.0,
        "knee_db": 6.0,
        "makeup_gain_db": 3.0,
    }
    p |= {"rms_ms": 8.0, "sidechain_hz": 150.0, "mix": 0.7}
    x, ahead, mean = music(), 96, coefficient(8.0)
    heard = scipy.signal.sosfilt(scipy.signal.butter(2, 150.0, "high", fs=SR, output="sos"), x[0].astype(float))
    level = 10.0 * np.log10(followed(heard**2, mean, mean) + 1e-10)
    c = followed(0.75 * softened(level + 30.0, 6.0), coefficient(5.0), coefficient(60.0))
    wanted = np.pad(x[0], (ahead, 0))[: c.size] * (0.3 + 0.7 * 10.0 ** ((3.0 - c) / 20.0))
    assert block.latency_samples(SR) == ahead
    y = np.asarray(jax.jit(lambda p, x: block.apply(p, x, Context(SR)))(p, jnp.asarray(x)))
    assert apart(y[0], wanted) < 1e-5
    assert apart(render(block, p, x, SR)[0, :-ahead], wanted[ahead:]) < 1e-5


def test_a_compressor_follows_63_percent_of_a_reduction_in_its_attack_time():
    p = {"threshold_db": -20.0, "ratio": 2.0, "attack_ms": 10.0, "release_ms": 100.0, "knee_db": 0.0}
    y = render(Compressor(), p, np.ones((1, SR), np.float32), SR)[0]
    assert -20.0 * np.log10(y[SR // 100 - 1]) == pytest.approx(10.0 * (1.0 - np.exp(-1.0)), abs=1e-3)
    assert -20.0 * np.log10(y[-1]) == pytest.approx(10.0, abs=1e-3)


def test_what_looks_ahead_streams_and_has_gradients():
    """No law throws settings that are numbers."""
    x, p = jnp.asarray(music(0.1, 2)), {q.name: q.default for q in Compressor().params} | {"threshold_db": -40.0}
    block = Compressor(lookahead_ms=3.0)
    whole = jax.jit(lambda p, x: block.apply(p, x, Context(SR)))(p, x)
    step, state, pieces = jax.jit(block.step), block.init(2, Context(SR)), []
    for first, last in ((0, 1), (1, 100), (100, 1500), (1500, 4800)):
        state, y = step(p, state, x[:, first:last], Context(SR))
        pieces.append(y)
    assert apart(np.concatenate(pieces, axis=1), np.asarray(whole)) < 1e-6
    slope = jax.jit(jax.grad(lambda p: jnp.sum(block.apply(p, x, Context(SR)) ** 2)))(p)
    assert all(np.isfinite(v) and v != 0.0 for v in slope.values())


# --- crossovers and what stands on them


def split_at(x, cutoffs):
    return np.asarray(splits(x, np.float32(cutoffs), SR, no_sound(len(cutoffs) + 1, len(x)))[1])


splits = jit(split, static_argnums=2)
MORE_CUTOFFS = [pytest.param(hz, marks=pytest.mark.nightly) for hz in ((200.0, 2000.0), (300.0, 400.0, 500.0))]


@pytest.mark.parametrize("cutoffs", [(500.0,), (120.0, 800.0, 5000.0), *MORE_CUTOFFS])
def test_bands_add_up_flat(cutoffs):
    click = np.eye(1, SR, dtype=np.float32)
    heard = np.abs(np.fft.rfft(split_at(click, cutoffs)[:, 0].astype(np.float64).sum(axis=0)))
    assert np.abs(20.0 * np.log10(heard)).max() < 1e-4


def test_bands_are_linkwitz_and_riley_s():
    """In scipy's filters and float64: a low-pass and the all-pass of what is above, a high- and a low-pass, two of the
    one kind."""
    x = noise(0, SR)
    bands = split_at(x, [200.0, 2000.0])[:, 0]
    low, high = (
        [np.tile(scipy.signal.butter(2, f, kind, fs=SR, output="sos"), (2, 1)) for f in (200.0, 2000.0)]
        for kind in ("low", "high")
    )
    poles = low[1][:1, 3:]
    through = np.concatenate([poles[:, ::-1], poles], axis=1)
    for band, (first, second) in zip(bands, [(low[0], through), (high[0], low[1]), (high[0], high[1])], strict=True):
        wanted = scipy.signal.sosfilt(second, scipy.signal.sosfilt(first, x[0].astype(float)))
        assert np.abs(band - wanted).max() < 1e-5 * np.abs(x).max()


@pytest.mark.parametrize("bands", [2, 3, 4])
def test_a_multiband_compressor_at_rest_is_an_all_pass(bands):
    click = np.eye(1, SR, dtype=np.float32)
    y = render(MultibandCompressor(bands), {"ratio": np.ones(bands)}, click, SR)[0]
    assert np.abs(20.0 * np.log10(np.abs(np.fft.rfft(y.astype(float))))).max() < 1e-4


def test_a_multiband_compressor_is_compressors_on_bands():
    p = {"threshold_db": [-40.0, -30.0, -50.0], "ratio": [2.0, 4.0, 8.0], "attack_ms": [20.0, 5.0, 1.0]}
    p |= {"release_ms": [200.0, 100.0, 50.0], "makeup_gain_db": [1.0, 2.0, 3.0]}
    crossover = {"crossover_hz": [200.0, 2000.0]}
    x = music(0.5, 2)
    bands = split_at(x, [200.0, 2000.0])
    wanted = sum(render(Compressor(), {k: v[b] for k, v in p.items()}, bands[b], SR).astype(float) for b in range(3))
    assert apart(render(MultibandCompressor(), p | crossover, x, SR), wanted) < 1e-5


def test_a_de_esser_takes_off_hiss_and_leaves_the_rest():
    t = np.arange(SR) / SR
    voice, hiss = 0.3 * np.sin(2 * np.pi * 300.0 * t), 0.3 * np.sin(2 * np.pi * 9000.0 * t)
    p = {"frequency_hz": 4000.0, "threshold_db": -40.0, "ratio": 20.0, "range_db": 10.0}
    for mode, left in (("split", 0.0), ("wide", -10.0)):
        y = render(DeEsser(mode), p, np.float32(voice + hiss)[None], SR)[0, SR // 2 :]
        seen = np.abs(np.fft.rfft(y.astype(float))) / (0.15 * y.size)
        assert 20.0 * np.log10(seen[150]) == pytest.approx(left, abs=0.2)
        assert 20.0 * np.log10(seen[4500]) == pytest.approx(-10.0, abs=0.5)


def test_a_transient_shaper_is_its_formula_and_knows_no_level():
    p = {"attack_db": 9.0, "sustain_db": -6.0, "attack_ms": 20.0, "release_ms": 300.0}
    x = music()
    level = 10.0 * np.log10(1.0 + 1e6 * np.square(x[0], dtype=np.float64))
    rise, fall, slow, hang = (coefficient(ms) for ms in (0.5, 20.0, 20.0, 300.0))
    fast, lagging, hanging = followed(level, rise, fall), followed(level, slow, fall), followed(level, rise, hang)
    gain = 9.0 * (1.0 - np.exp((lagging - fast) / 12.0)) - 6.0 * (1.0 - np.exp((fast - hanging) / 12.0))
    y = render(TransientShaper(), p, x, SR)[0]
    assert apart(y, x[0] * 10.0 ** (gain / 20.0)) < 1e-5
    soft = render(TransientShaper(), p, 0.25 * x, SR)[0]
    peak = np.argmax(np.abs(x[0]))
    assert soft[peak] == pytest.approx(0.25 * y[peak], rel=0.1)
