"""The maths under the blocks, against plain float64 references written here or taken from scipy."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from ddsp_lab import DdspLabError, render
from ddsp_lab.audio import align
from ddsp_lab.dsp import ballistics, echoes, fdn, feedback_line, oversample, svf, vector_fit
from ddsp_lab.dsp.alignment import overlap
from ddsp_lab.dsp.state_space import lti
from ddsp_lab.dsp.stft import frame_count, stft
from ddsp_lab.dsp.transfer import shifted
from ddsp_lab.effects import Compressor, ParametricEq, SoftClip

SR = 48_000


def noise(seed, samples, channels=1, level=0.2):
    return (level * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


def apart(a, b):
    """The largest difference over the largest sample of `b`."""
    return float(np.abs(a - b).max() / np.abs(b).max())


# --- equaliser


def cookbook(kind, f, gain_db, q, sr=SR):
    """A second-order section as in Bristow-Johnson's cookbook, in float64."""
    a, w = 10.0 ** (gain_db / 40.0), 2.0 * np.pi * f / sr
    cos, alpha = np.cos(w), np.sin(w) / (2.0 * q)
    if kind == "peak":
        row = [1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a]
    else:
        s, root = (1 if kind == "low_shelf" else -1), 2.0 * np.sqrt(a) * alpha
        up, down = a + 1 + s * (a - 1) * cos, a + 1 - s * (a - 1) * cos
        b1, a1 = a - 1 - s * (a + 1) * cos, a - 1 + s * (a + 1) * cos
        row = [a * (down + root), 2 * s * a * b1, a * (down - root), up + root, -2 * s * a1, up - root]
    return np.array(row) / row[3]


def equalised(kinds, f, gain_db, q, x, sr=SR):
    """By the library's float32 kernel, without the bounds of the block."""
    values = (jnp.asarray(v, jnp.float32) for v in (f, gain_db, q))
    system = svf.cascade(svf.equaliser_sections(kinds, *values, sr))
    return np.asarray(lti(system, jnp.asarray(x[0]), jnp.zeros(2 * len(kinds)))[1])


def reference(kinds, f, gain_db, q, x, sr=SR):
    """The same float32 settings through float64 sections."""
    settings = (np.asarray(v, np.float32).astype(np.float64) for v in (f, gain_db, q))
    sections = [cookbook(k, *v, sr) for k, *v in zip(kinds, *settings, strict=True)]
    return scipy.signal.sosfilt(sections, x[0].astype(float))


SIX = ("low_shelf", "peak", "peak", "peak", "peak", "high_shelf")


def equaliser_error(gain_db, q, seed):
    f = np.float32([80.0, 250.0, 700.0, 2000.0, 5000.0, 10_000.0])
    x = noise(seed, 2 * SR)
    y = render(ParametricEq(6), {"cutoff_hz": f, "gain_db": gain_db, "q": q}, x, SR)
    return apart(y[0], reference(SIX, f, gain_db, q, x))


def test_an_ordinary_equaliser_is_exact_to_2e7():
    assert equaliser_error([4.0, -3.0, 2.0, -5.0, 3.0, 6.0], [0.7, 1.0, 1.4, 2.0, 1.0, 0.7], 0) <= 2e-7


def test_random_equalisers_are_about_as_exact():
    rng = np.random.default_rng(0)
    errors = [equaliser_error(rng.uniform(-12.0, 12.0, 6), rng.uniform(0.5, 4.0, 6), seed) for seed in range(8)]
    assert np.median(errors) <= 2.5e-7
    assert max(errors) <= 5e-7


def test_three_narrow_peaks_at_25_hz_are_exact_to_1e6():
    kinds, settings = ("peak",) * 3, ([25.0] * 3, [12.0] * 3, [10.0] * 3)
    x = noise(0, 5 * SR)
    assert apart(equalised(kinds, *settings, x), reference(kinds, *settings, x)) <= 1e-6


@pytest.mark.parametrize("kind", ["peak", "low_shelf", "high_shelf"])
@pytest.mark.parametrize(("f", "q", "exact"), [(1.0, 0.7, 5e-7), (1.0, 40.0, 5e-7), (0.4999 * SR, 10.0, 3e-5)])
def test_the_ends_of_the_range_are_stable(kind, f, q, exact):
    """At the upper end the tangent magnifies the rounding of the frequency; beyond 0.49 the block acts at 0.49."""
    x = noise(0, 4 * SR) + np.float32(0.02)
    y = equalised((kind,), [f], [18.0], [q], x)
    assert np.isfinite(y).all()
    assert apart(y, reference((kind,), [min(f, 0.49 * SR)], [18.0], [q], x)) < exact


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 1000])
def test_filters_of_any_length_leave_the_right_state(samples):
    """The state after a piece is what a direct recursion leaves, whether the last block is full or not."""
    section = svf.equaliser_sections(("peak",), *(jnp.asarray([v], jnp.float32) for v in (3000.0, 6.0, 2.0)), SR)
    system = svf.cascade(section)
    e, b, c, d = (np.asarray(v, np.float64) for v in system)
    s, y = np.array([0.3, -0.2]), []
    x = noise(0, samples)[0]
    for v in x.astype(np.float64):
        y.append(c @ s + d * v)
        s = s + e @ s + b * v
    end, out = lti(system, jnp.asarray(x), jnp.asarray([0.3, -0.2], jnp.float32))
    np.testing.assert_allclose(out, y, atol=1e-6)
    np.testing.assert_allclose(end, s, atol=1e-6)


def test_the_response_is_that_of_the_filter():
    kinds, settings = SIX, ([80, 250, 700, 2000, 5000, 9000], [6, -8, 3, 9, -4, 5], [0.7, 1, 2, 4, 1, 0.5])
    values = (jnp.asarray(v, jnp.float32) for v in settings)
    f = np.geomspace(20.0, 23_000.0, 50)
    seen = svf.response(svf.equaliser_sections(kinds, *values, SR), jnp.asarray(f, jnp.float32), SR)
    sections = [cookbook(k, *v) for k, *v in zip(kinds, *settings, strict=True)]
    wanted = scipy.signal.sosfreqz(sections, f, fs=SR)[1]
    np.testing.assert_allclose(seen, wanted, rtol=2e-5)


# --- compressor


def smoothed(x, attack, release, y):
    out = []
    for v in x:
        a = attack if v > y else release
        y = v + a * (y - v)
        out.append(y)
    return np.array(out)


def test_the_smoother_is_its_recursion():
    x = np.abs(noise(0, 5000, level=6.0)[0])
    for attack, release in ((0.9, 0.999), (0.999, 0.3), (0.0, 0.99)):
        y = ballistics.attack_release(jnp.asarray(x), jnp.float32(attack), jnp.float32(release), jnp.float32(2.0))
        wanted = smoothed(x.astype(float), float(np.float32(attack)), float(np.float32(release)), 2.0)
        assert apart(np.asarray(y), wanted) < 5e-6


def test_a_time_constant_covers_63_percent_of_a_step():
    a = ballistics.time_constant(jnp.float32(0.01), SR)
    y = ballistics.attack_release(jnp.ones(SR // 100), a, jnp.float32(0.0), jnp.float32(0.0))
    assert float(y[-1]) == pytest.approx(1.0 - np.exp(-1.0), rel=1e-4)


def test_a_compressor_is_the_textbook_one():
    p = {"threshold_db": -25.0, "ratio": 4.0, "attack_ms": 5.0, "release_ms": 80.0, "makeup_gain_db": 5.0}
    x = noise(0, 8000) * np.linspace(0.02, 2.0, 8000, dtype=np.float32)
    over = 10.0 * np.log10(x[0].astype(float) ** 2 + 1e-10) + 25.0
    soft = np.where(np.abs(over) < 3.0, (over + 3.0) ** 2 / 12.0, np.maximum(over, 0.0))
    constants = [np.exp(-1.0 / (1e-3 * ms * SR)) for ms in (5.0, 80.0)]
    reduction = smoothed(0.75 * soft, *constants, 0.0)
    wanted = x[0] * 10.0 ** ((5.0 - reduction) / 20.0)
    assert apart(render(Compressor(), p, x, SR)[0], wanted) < 5e-5  # time constants are near one: float32 rounds them


def test_a_steady_tone_is_turned_down_by_the_ratio():
    """12 dB over the threshold at 4:1 leaves 3 dB over it."""
    p = {"threshold_db": -20.0, "ratio": 4.0, "attack_ms": 1.0, "release_ms": 50.0, "knee_db": 0.0}
    x = np.full((1, SR), 10.0 ** (-8.0 / 20.0), np.float32)
    assert 20.0 * np.log10(render(Compressor(), p, x, SR)[0, -1]) == pytest.approx(-17.0, abs=1e-3)


# --- delays and reverb


def lagrange(d):
    """Third-order coefficients for a delay of `d` between 1 and 2 samples."""
    return [np.prod([(d - j) / (i - j) for j in range(4) if j != i]) for i in range(4)]


@pytest.mark.parametrize("delay", [2.0, 2.5, 17.0, 99.37, 1500.25])
@pytest.mark.parametrize("feedback", [0.0, 0.7])
def test_the_feedback_delay_is_its_recursion(delay, feedback):
    x, history = noise(0, 4000)[0], noise(1, 2003)[0]
    after, y = feedback_line.feedback_delay(
        jnp.asarray(x), jnp.float32(delay), jnp.float32(feedback), jnp.asarray(history)
    )
    whole = int(delay)
    c = lagrange(1.0 + float(np.float32(delay)) - whole)
    w, wanted, lead = np.concatenate([history.astype(float), np.zeros(4000)]), [], history.size
    for n, v in enumerate(x.astype(float)):
        echo = sum(c[i] * w[lead + n - whole + 1 - i] for i in range(4))
        wanted.append(echo)
        w[lead + n] = v + float(np.float32(feedback)) * echo
    assert apart(np.asarray(y), np.array(wanted)) < 2e-6
    assert apart(np.asarray(after), w[-history.size :]) < 2e-6


@pytest.mark.parametrize("delay", [5.0, 5.25, 5.5, 40.9])
def test_a_fractional_delay_is_a_shift_in_time(delay):
    """Of a smooth signal, by as much as asked for; by whole samples exactly."""
    n = np.arange(400)
    tone = np.sin(0.1 * n).astype(np.float32)
    _, y = feedback_line.feedback_delay(jnp.asarray(tone), jnp.float32(delay), jnp.float32(0.0), jnp.zeros(103))
    late = slice(50, None)
    assert apart(np.asarray(y)[late], np.sin(0.1 * (n - delay))[late]) < (1e-6 if delay == 5.0 else 1e-5)


def test_the_delay_of_the_delay_has_a_slope():
    """The derivative by the time is minus that of the signal: what a fit of a delay time lives on."""
    tone = jnp.sin(0.1 * jnp.arange(400.0))

    def out(d):
        return feedback_line.feedback_delay(tone, d, jnp.float32(0.0), jnp.zeros(103))[1]

    slope = jax.jvp(out, (jnp.float32(7.3),), (jnp.float32(1.0),))[1]
    wanted = -0.1 * np.cos(0.1 * (np.arange(400) - 7.3))
    assert apart(np.asarray(slope)[50:], wanted[50:]) < 1e-3


def test_line_lengths_are_distinct_primes_near_the_wanted():
    for longest, near in ((3840, 0.01), (40, 0.5)):
        wanted = longest * np.geomspace(0.33, 1.0, 8)
        lengths = fdn.line_lengths(longest, np.geomspace(0.33, 1.0, 8))
        assert len(set(lengths)) == 8
        assert all(n % p for n in lengths for p in range(2, int(n**0.5) + 1))
        np.testing.assert_allclose(lengths, wanted, rtol=near)


# --- oversampling and spectra


def folded_db(y, f, sr):
    """The energy between the harmonics of `f` against all of it, in dB."""
    power = np.abs(np.fft.rfft(y * np.blackman(y.size))) ** 2
    bins = np.arange(power.size)
    harmonic = np.min([np.abs(bins - k * f * y.size / sr) for k in range(40) if k * f < 0.5 * sr], axis=0) < 8
    return 10.0 * np.log10(power[~harmonic].sum() / power.sum())


def test_oversampling_keeps_aliases_down():
    """Of a tone none of whose odd harmonics falls between Nyquist and the stop band, 0.56 of the sample rate."""
    n, f = 8192, 4109.0
    x = 0.8 * np.sin(2.0 * np.pi * f * np.arange(n + 400) / SR)
    folded = [folded_db(render(SoftClip(k), {"drive_db": 30.0}, x, SR)[200:-200], f, SR) for k in (1, 2, 4, 8)]
    assert folded[0] > -20.0
    assert folded[-1] < -60.0
    assert all(more < less - 8.0 for less, more in pairwise(folded))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_oversampling_nothing_changes_nothing_but_the_time(factor):
    n = np.arange(4000)
    x = np.float32(np.sin(0.05 * n) + np.sin(2.0 * n))[None]  # the second tone at 0.32 of the sample rate
    history = oversample.no_history(1, factor)
    y = np.asarray(oversample.oversampled(lambda v: v, jnp.asarray(x), history, factor)[1])
    late = oversample.LATENCY
    assert apart(y[:, 2 * late :], x[:, late:-late]) < 2e-4


@pytest.mark.parametrize(("fft", "hop"), [(64, 16), (512, 128), (1024, 256)])
def test_the_stft_is_scipys(fft, hop):
    x = noise(0, 5000, 2)
    window = scipy.signal.get_window("hann", fft)  # periodic
    _, _, z = scipy.signal.stft(
        x.astype(float), window=window, nperseg=fft, noverlap=fft - hop, boundary="zeros", padded=True
    )
    ours = np.asarray(stft(jnp.asarray(x), fft, hop, fft))
    assert ours.shape == (2, frame_count(5000, hop), fft // 2 + 1)
    frames = min(ours.shape[1], z.shape[2])
    assert frames >= ours.shape[1] - 1
    assert apart(ours[:, :frames], (window.sum() * z).swapaxes(1, 2)[:, :frames]) < 1e-6


def test_a_window_shorter_than_the_fft_is_centred_in_it():
    """As in torch: zeros on both sides of the window, whose middle stays on the frame's sample."""
    x = noise(0, 3000)
    ours = np.asarray(stft(jnp.asarray(x), 1024, 120, 600))
    padded = np.pad(x[0].astype(float), 512)
    window = np.pad(scipy.signal.get_window("hann", 600), 212)
    wanted = np.stack([np.fft.rfft(window * padded[i * 120 : i * 120 + 1024]) for i in range(ours.shape[1])])
    assert apart(np.abs(ours[0]), np.abs(wanted)) < 1e-6


# --- analysis


def test_vector_fitting_is_exact_on_exact_data():
    settings = (("low_shelf", 120.0, 5.0, 0.8), ("peak", 900.0, -7.0, 1.5), ("high_shelf", 6000.0, 4.0, 0.6))
    sections = np.stack([cookbook(*s) for s in settings])
    x = noise(0, 2 * SR)[0].astype(float)
    fit = vector_fit.vector_fit(x, scipy.signal.sosfilt(sections, x), 6, SR)
    assert fit.error < 1e-20
    for found, polynomials in ((fit.poles, sections[:, 3:]), (fit.zeros, sections[:, :3])):
        z = np.concatenate([np.roots(row) for row in polynomials])
        s = (z - 1.0) / (z + 1.0)
        np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(s), rtol=1e-7)


def plucks(seed, seconds=3.0):
    """A decaying string or two with some noise: tonal, as guitars are."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SR)) / SR
    x = np.zeros(t.size)
    for start in rng.uniform(0.0, seconds - 0.5, 8):
        since = np.maximum(t - start, 0.0)
        f = 110.0 * 2.0 ** (rng.integers(0, 24) / 12.0)
        x += (t >= start) * sum(np.exp(-(3 + k) * since) * np.sin(2 * np.pi * f * k * since) / k for k in range(1, 12))
    return (0.2 * x + 1e-4 * rng.standard_normal(t.size)).astype(np.float32)[None]


MATERIAL = {"plucked": plucks(0), "noise": noise(0, 2 * SR)}
material = pytest.mark.parametrize("x", MATERIAL.values(), ids=MATERIAL)


@material
@pytest.mark.parametrize("late", [0, 1, 37, 1000, 24_000, -500])
@pytest.mark.parametrize("gain", [0.5, -2.0])
def test_alignment_finds_delay_polarity_and_gain(x, late, gain):
    y = gain * (np.pad(x, ((0, 0), (late, 0))) if late >= 0 else x[:, -late:])
    found = align(x, y, SR)
    assert found.applied_samples == late
    assert found.latency_samples == pytest.approx(late, abs=0.02)
    assert found.polarity == np.sign(gain)
    assert found.gain_db == pytest.approx(20.0 * np.log10(abs(gain)), abs=0.01)
    a, b = overlap(x, y, found.applied_samples)
    np.testing.assert_array_equal(b, np.float32(gain) * a)


@material
@pytest.mark.parametrize("late", [12.25, 100.5, 3.9])
def test_alignment_finds_fractions_of_samples(x, late):
    found = align(x, shifted(x, late), SR)
    assert found.latency_samples == pytest.approx(late, abs=0.02)
    assert found.applied_samples == round(late)


def test_unrelated_recordings_are_ambiguous():
    for x, y in ((noise(0, SR), noise(1, SR)), (plucks(1), plucks(2))):
        with pytest.raises(DdspLabError) as error:
            align(x, y, SR)
        assert error.value.code == "align-ambiguous"


PROCESSED = {
    "equalised": (ParametricEq(4), {"gain_db": [9.0, -12.0, 8.0, 10.0], "q": 2.0}),
    "brightened": (
        ParametricEq(4),  # bends the phase so far that a straight line through it turns the polarity
        {
            "cutoff_hz": [1000.0, 2000.0, 5000.0, 3000.0],
            "gain_db": [-20.0, -10.0, 10.0, 20.0],
            "q": [0.7, 0.3, 0.3, 0.7],
        },
    ),
    "muffled": (ParametricEq(2), {"cutoff_hz": [100.0, 1500.0], "gain_db": [0.0, -20.0]}),
    "compressed": (Compressor(), {"threshold_db": -40.0, "ratio": 10.0, "attack_ms": 3.0}),
}


@material
@pytest.mark.parametrize("what", PROCESSED)
@pytest.mark.parametrize("late", [0, 300])
def test_processing_is_not_mistaken_for_delay(x, what, late):
    chain, values = PROCESSED[what]
    y = np.pad(render(chain, values, x, SR), ((0, 0), (late, 0)))
    found = align(x, y, SR)
    assert found.applied_samples == late
    assert found.polarity == 1


def test_where_no_delay_is_believed_nothing_is_turned_round():
    x = noise(0, 2 * SR)
    hollow = {"cutoff_hz": [100.0, 800.0, 2000.0, 1000.0], "gain_db": [20.0, -20.0, -20.0, -20.0], "q": 0.7}
    found = align(x, np.pad(render(ParametricEq(4), hollow, x, SR), ((0, 0), (300, 0))), SR)
    assert found.applied_samples in (0, 300)  # found, or left as it is
    assert found.latency_samples == pytest.approx(found.applied_samples, abs=0.1)
    assert found.polarity == 1


def test_an_echo_counts_by_its_repeats():
    """A fainter train of echoes is likelier than sharper single peaks, of which a wrong model leaves many."""
    rng = np.random.default_rng(0)
    h = 1e-3 * rng.standard_normal(8000) * np.exp(-np.arange(8000) / 3000.0)
    h[0] = 1.0
    h[431 * np.arange(1, 6)] += 0.012 * 0.9 ** np.arange(5)
    h[[150, 300, 700]] += 0.014
    assert echoes.echo_lags(h, 40, 1) == [431]
    assert {150, 300, 700} <= set(echoes.echo_lags(h, 40, 6))
