"""What the laws cannot say of the effects that bend a signal: how much folds back, and what circuits they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.signal

from ddsp_lab import Context, Oversample, parse, render
from ddsp_lab.dsp import antiderivative
from ddsp_lab.effects import (
    Bitcrusher,
    Chebyshev,
    DiodeClipper,
    HardClip,
    LadderFilter,
    Overdrive,
    SoftClip,
    Tube,
    Wavefolder,
    Waveshaper,
)

SR = 44_100


def apart(a, b):
    """The largest difference over the largest sample of `b`."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def sine(f, samples, level=1.0):
    return (level * np.sin(2.0 * np.pi * f * np.arange(samples) / SR)).astype(np.float32)


# --- what folds back


def folded_db(block, f, **values):
    """The energy between the harmonics of a full-scale sine at `f` against all of it, in dB, below 0.44 of the sample
    rate: above, the filters of the oversampling are on their way down."""
    n = 1 << 15
    y = render(block, values, sine(f, n + 400), SR)[200:-200].astype(float)
    power = np.abs(np.fft.rfft(y * np.kaiser(n, 14.0))) ** 2
    bins = np.arange(power.size)
    harmonic = np.min([np.abs(bins - k * f * n / SR) for k in range(60) if k * f < 0.5 * SR], axis=0) < 12
    return 10.0 * np.log10(power[~harmonic & (bins < 0.44 * n)].sum() / power.sum())


@pytest.mark.parametrize(
    ("kind", "f", "plain", "averaged"),
    [  # at factors 1, 2, 4, 8; at 40 dB of drive a sine is nearly a square
        (SoftClip, 5000.0, (-10, -17, -24, -31), (-19, -37, -49, -61)),
        (HardClip, 5000.0, (-10, -17, -24, -31), (-19, -37, -49, -61)),
        (HardClip, 1245.0, (-18, -25, -34, -55), (-29, -44, -58, -85)),
        (Wavefolder, 1245.0, (-2, -80, -84, -85), (-8, -85, -85, -85)),
    ],
)
def test_oversampling_and_averaging_keep_aliases_down(kind, f, plain, averaged):
    highest = {q.name: q.high for q in kind.params if q.name.endswith("_db")}
    for adaa, limits in ((False, plain), (True, averaged)):
        folded = [folded_db(kind(k, adaa=adaa), f, **highest) for k in (1, 2, 4, 8)]
        assert all(seen < limit for seen, limit in zip(folded, limits, strict=True)), folded


@pytest.mark.parametrize(
    ("mean", "antiderivative_of"),
    [
        (antiderivative.clip_mean, lambda v: np.clip(v, -1, 1) * v - 0.5 * np.clip(v, -1, 1) ** 2),
        (antiderivative.sine_mean, lambda v: -np.cos(v)),
        (antiderivative.tanh_mean, lambda v: np.logaddexp(v, -v)),
    ],
    ids=["clip", "sine", "tanh"],
)
def test_means_are_quotients_of_antiderivatives_in_long_double(mean, antiderivative_of):
    """Over 300 dB of widths: where the quotient itself would be lost, float32 still has its digits."""
    rng = np.random.default_rng(0)
    a = (3.0 * rng.standard_normal(20_000)).astype(np.float32)
    b = (a + 10.0 ** rng.uniform(-9, 1.5, a.size) * rng.choice([-1, 1], a.size)).astype(np.float32)
    wide = np.abs(np.float64(b) - a) > 1e-4
    low, high = np.longdouble(a[wide]), np.longdouble(b[wide])
    wanted = (antiderivative_of(high) - antiderivative_of(low)) / (high - low)
    means = np.asarray(mean(jnp.asarray(a), jnp.asarray(b)), np.float64)
    assert np.isfinite(means).all()
    assert np.abs(means[wide] - wanted).max() < 1e-6
    curve = np.asarray(mean(jnp.asarray(a), jnp.asarray(a)))
    assert np.abs(means - curve)[~wide].max() < 2e-4


def test_the_wrapper_does_what_the_setting_does():
    x, values = sine(5000.0, 3000), {"drive_db": 30.0, "threshold_db": -3.0}
    for k in (2, 8):
        outside = render(Oversample(HardClip(1), k), {"hard_clip": values}, x, SR)
        np.testing.assert_array_equal(outside, render(HardClip(k), values, x, SR))


def test_the_wrapper_reports_what_is_late_in_it():
    for text, late in [
        ("oversample(oversample(hard_clip, factor=2))", 64 + (64 + 64 // 2) // 4),
        ("oversample(delay)", 64),
    ]:
        assert parse(text).latency_samples(SR) == late
    x = sine(200.0, 4000)
    y = render(parse("oversample(oversample(gain, factor=2), factor=8)"), {}, x, SR)
    assert apart(y[500:-500], x[500:-500]) < 1e-3


# --- circuits


def root(f, reach):
    return scipy.optimize.brentq(f, -reach, reach, xtol=1e-15, rtol=1e-14)


@pytest.mark.parametrize("drive", [0.0, 20.0, 40.0])
def test_the_diode_clipper_is_its_recursion_in_float64(drive):
    x, cutoff, forward = sine(200.0, 600) + sine(3100.0, 600), 3000.0, 0.6
    y = render(DiodeClipper(1), {"drive_db": drive, "cutoff_hz": cutoff, "forward_v": forward}, x, SR)
    volt, gamma, leak = forward / 12.0, np.tan(np.pi * cutoff / SR), 4400.0 * 2.52e-9 / 0.0453
    v, before, wanted = 0.0, 0.0, []
    for now in 10.0 ** (drive / 20.0) * x.astype(float):
        known = (1.0 - gamma) * v + gamma * (now + before)
        v = root(lambda v: (1 + gamma) * v + 2 * gamma * volt * leak * np.sinh(v / volt) - known, 3.0)  # noqa: B023
        before = now
        wanted.append(v)
    assert apart(y, np.array(wanted)) < 1e-5


def test_the_diode_clipper_is_its_circuit():
    """Against the differential equation, solved by an implicit method of adaptive step."""
    gain, cutoff, forward, f, samples = 10.0, 3000.0, 0.6, 500.0, 800
    volt, leak, rate = forward / 12.0, 4400.0 * 2.52e-9 / 0.0453, 2.0 * np.pi * cutoff

    def slope(t, v):
        return rate * (gain * np.sin(2.0 * np.pi * f * t) - v - volt * leak * np.sinh(v / volt))

    t = np.arange(samples) / SR
    wanted = scipy.integrate.solve_ivp(slope, (0.0, t[-1]), [0.0], "Radau", t, rtol=1e-8, atol=1e-10).y[0]
    values = {"drive_db": 20.0, "cutoff_hz": cutoff, "forward_v": forward}
    errors = []
    for k in (1, 4, 16):  # times the rate: the step of the integration alone, without the filters of oversampling
        x = np.sin(2.0 * np.pi * f * np.arange(k * samples) / (k * SR))
        errors.append(apart(render(DiodeClipper(1), values, x, k * SR)[::k], wanted))
    assert errors[0] < 0.1
    assert errors[1] < 0.035
    assert errors[2] < 0.01


def ladder_by_hand(x, g, k):
    """Each sample's loop solved by bisection in float64."""
    s, y = np.zeros(4), []
    for n, now in enumerate(x):
        weights = (1.0 - g[n]) * g[n] ** np.arange(3, -1, -1)
        loop = lambda out: g[n] ** 4 * np.tanh(now - k[n] * out) + weights @ s - out  # noqa: B023, E731
        u = np.tanh(now - k[n] * root(loop, 50.0))
        for i in range(4):
            v = g[n] * (u - s[i])
            u, s[i] = s[i] + v, s[i] + 2.0 * v
        y.append(u)
    return np.array(y)


@pytest.mark.parametrize(
    ("cutoff", "resonance", "drive"), [(300.0, 0.2, 0.0), (2000.0, 0.9, 20.0), (15_000.0, 1.0, 40.0)]
)
def test_the_ladder_is_its_recursion_in_float64(cutoff, resonance, drive):
    x = sine(110.0, 1500) + sine(2900.0, 1500, 0.3)
    gamma = np.full(x.size, np.tan(np.pi * cutoff / SR))
    wanted = ladder_by_hand(
        10.0 ** (drive / 20.0) * x.astype(float), gamma / (1 + gamma), np.full(x.size, 4 * resonance)
    )
    y = render(LadderFilter(), {"cutoff_hz": cutoff, "resonance": resonance, "drive_db": drive}, x, SR)
    assert apart(y, wanted) < 1e-5


@pytest.mark.parametrize("resonance", [0.0, 0.5, 0.95])
def test_a_faint_sound_hears_the_ladder_as_a_linear_filter(resonance):
    n, cutoff = 1 << 14, 1000.0
    x = np.float32(1e-4) * np.eye(1, n, dtype=np.float32)[0]
    h = (
        np.fft.rfft(render(LadderFilter(), {"cutoff_hz": cutoff, "resonance": resonance, "drive_db": 0.0}, x, SR))
        / 1e-4
    )
    s = 1j * np.tan(np.pi * np.arange(h.size) / n) / np.tan(np.pi * cutoff / SR)
    wanted = 1.0 / (4.0 * resonance + (1.0 + s) ** 4)
    assert apart(h[:-1], wanted[:-1]) < 1e-4


def test_the_ladder_oscillates_at_its_cutoff_and_within_bounds():
    x = 0.5 * np.eye(1, SR, dtype=np.float32)[0]
    y = render(LadderFilter(), {"cutoff_hz": 440.0, "resonance": 1.0, "drive_db": 40.0}, x, SR)
    assert np.argmax(np.abs(np.fft.rfft(y))) == pytest.approx(440, abs=1)
    assert 1e-3 < np.abs(y[-1000:]).max() < 1.0


def test_the_overdrive_amplifies_the_upper_part_alone():
    """A faint sound passes as $1 + g H$ with $H$ a high-pass at 720 Hz, as far as the diodes leak nothing."""
    gain, x = 10.0, np.float32(1e-5) * np.eye(1, 1 << 13, dtype=np.float32)[0]
    y = render(Overdrive(), {"drive_db": 20.0, "tone": 1.0, "level_db": 0.0}, np.roll(x, 200), SR)
    seen = np.abs(np.fft.rfft(y))[[20, 134, 1000]] / 1e-5
    s = 1j * np.array([20, 134, 1000]) * SR / (1 << 13) / 720.0
    assert seen == pytest.approx(np.abs(1.0 + gain / (1.0 + gain * 5.2e-4) * s / (1.0 + s)), rel=0.01)


def test_chebyshev_weights_are_harmonics():
    n, weights = 1 << 12, [0.5, -0.3, 0.2, 0.1, -0.05, 0.02]
    x = np.float32(np.cos(2.0 * np.pi * 50 * np.arange(n) / n))
    y = render(Chebyshev(1), {"drive_db": 0.0, "weights": weights}, x, SR)
    assert (2.0 * np.fft.rfft(y).real / n)[50:350:50] == pytest.approx(weights, abs=1e-5)


def test_a_loud_note_moves_the_operating_point_of_a_tube():
    """And so its mean; without the shift it does not matter what came before."""
    x = np.where(np.arange(SR) < SR // 2, 1.0, 0.1).astype(np.float32) * sine(441.0, SR)
    for shift, moved in ((0.0, False), (1.0, True)):
        y = render(Tube(1), {"drive_db": 12.0, "bias": 0.2, "shift": shift, "recovery_ms": 100.0}, x, SR)
        early, late = (y[at : at + 100].mean() for at in (SR // 2 + 100, SR - 100))
        assert (abs(early - late) > 0.01) == moved


# --- what is learned


def test_a_waveshaper_rises_through_its_knots():
    slope_db = np.random.default_rng(0).uniform(-30.0, 30.0, 16)
    x = np.linspace(-1.5, 1.5, 4801, dtype=np.float32)
    y = render(Waveshaper(1), {"slope_db": slope_db}, x, SR)
    assert (np.diff(y) > 0.0).all()
    at_knots = np.interp(np.linspace(-1.0, 1.0, 17), x, y)
    assert at_knots[8] == pytest.approx(0.0, abs=1e-7)
    assert np.diff(at_knots) * 8.0 == pytest.approx(10.0 ** (slope_db / 20.0), rel=1e-4)


def test_a_waveshaper_without_slopes_is_a_wire():
    x = np.linspace(-2.0, 2.0, 1001, dtype=np.float32)
    assert apart(render(Waveshaper(1), {}, x, SR), x) < 1e-6


@pytest.mark.parametrize(("bits", "rate"), [(4.0, 48_000.0), (8.0, 11_025.0), (6.5, 5000.0)])
def test_a_bitcrusher_is_read_off_its_output(bits, rate):
    x = (0.3 * np.random.default_rng(0).standard_normal((1, SR))).astype(np.float32)
    y = render(Bitcrusher(), {"bits": bits, "rate_hz": rate}, x, SR)
    assert np.abs(y / 2.0 ** (1.0 - bits) - np.round(y / 2.0 ** (1.0 - bits))).max() < 1e-3
    if rate < SR:
        assert np.mean(np.diff(y) != 0.0) < 1.01 * rate / SR
    (guess,) = Bitcrusher().estimate(x, y, Context(SR))
    assert guess["bits"] == pytest.approx(bits, abs=0.01)
    assert guess["rate_hz"] == pytest.approx(rate, rel=0.03)


def test_the_straight_through_gradient_leads_to_the_bits():
    """Of the mean square of the noise, $\\Delta^2 / 12$: its logarithm falls by 2 ln 2 a bit."""
    x = jnp.asarray(0.3 * np.random.default_rng(0).standard_normal((1, 8000)), jnp.float32)

    def noise(bits):
        return jnp.log(jnp.mean((Bitcrusher().apply({"bits": bits, "rate_hz": 48_000.0}, x, Context(SR)) - x) ** 2))

    for bits in (4.0, 7.3, 10.0):
        assert float(noise(bits)) == pytest.approx(np.log(4.0 ** (1.0 - bits) / 12.0), abs=0.05)
        assert float(jax.grad(noise)(bits)) == pytest.approx(-2.0 * np.log(2.0), rel=0.01)
