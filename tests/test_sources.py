"""The maths of sound sources against additive and float64 references: tuning, aliases, decays, slopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import jit
from scipy.special import jv

from ddsp_lab import note, notes, render
from ddsp_lab._block import Context
from ddsp_lab.dsp import band_limited, envelopes, fm, hard_sync, harmonics, modal, noise_bands, phase, pluck
from ddsp_lab.dsp.modulated_onset import modulated_onsets
from ddsp_lab.synths import Additive, Clap, FilteredNoise, Fm, Kick, PluckedString, Tom

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
    waves = [np.sin(2.0 * np.pi * np.float64(turns))] + [f(turns, per_sample) for f in WAVES.values()]
    for shape, wave in zip((0.0, 2.0, 1.0, 3.0), waves, strict=True):
        np.testing.assert_allclose(jit(band_limited.blend)(turns, per_sample, shape, 0.3), wave, atol=3e-6)


@pytest.mark.parametrize("shape", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize(("f", "ratio", "alias_db"), [(110, 2.7, -77), (523, 3.5, -63), (1000, 5.23, -50)])
def test_hard_sync_has_the_spectrum_of_what_is_begun_anew(shape, f, ratio, alias_db):
    """Its harmonics by a sum over a period of a million points; one second, so that aliases fall beside them."""
    points = 1 << 20
    s, width = ratio * (np.arange(points) + 0.5) / points, 0.3
    late, turn = (s - width) % 1.0, s % 1.0
    ideal = (
        np.sin(2 * np.pi * s),
        4 * np.abs((s + 0.75) % 1.0 - 0.5) - 1,
        2 * ((s + 0.5) % 1.0) - 1,
        2 * (late - turn),
    )
    ideal = np.fft.rfft(ideal[int(shape)])[: 15_000 // f + 1] / points
    ideal *= np.exp(-1j * np.pi / points * np.arange(ideal.size))
    turns = f * np.arange(SR) / SR
    y = jax.jit(hard_sync.synced)(jnp.asarray(turns % 1.0, jnp.float32), jnp.float32(f / SR), ratio, shape, width)
    spectrum = np.fft.rfft(np.asarray(y, np.float64))[:15_001] / SR
    true = np.arange(15_001) % f == 0
    assert 20.0 * np.log10(np.abs(spectrum[~true]).max() / np.abs(ideal[1:]).max()) < alias_db
    heard = np.abs(ideal) > 1e-2 * np.abs(ideal).max()
    heard[0] = False
    assert np.abs(spectrum[true][heard] / ideal[heard] - 1.0).max() < 0.05


def test_sync_by_nothing_is_the_wave_itself():
    turns, per_sample = jnp.asarray(np.arange(500) / 97.3, jnp.float32), jnp.float32(1.0 / 97.3)
    for shape in (0.0, 1.0, 1.6, 2.0, 3.0):
        got = jit(hard_sync.synced)(turns, per_sample, 1.0, shape, 0.3)
        np.testing.assert_allclose(got, jit(band_limited.blend)(turns, per_sample, shape, 0.3), atol=2e-4)


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


# --- partials


def plain_sum(frequency, levels, phases, samples, hop, damping=0.0):
    """All in float64: levels straight between frames."""
    n = np.arange(samples)
    frames = hop * np.arange(levels.shape[0])
    rows = zip(frequency, levels.T, phases, np.broadcast_to(damping, frequency.shape), strict=True)
    return sum(
        np.interp(n, frames, a) * np.sin(2.0 * np.pi * (f * n / SR + p)) * np.exp(-d * n / SR) for f, a, p, d in rows
    )


def sound(rng, count, samples, hop):
    levels = rng.uniform(0.0, 1.0, (harmonics.frames_for(samples, hop), count)) / np.arange(1, count + 1)
    return np.float32(levels), np.float32(rng.uniform(0.0, 1.0, count))


def test_partials_of_a_stiff_string_are_a_plain_sum():
    levels, phases = sound(np.random.default_rng(0), 40, 2 * SR + 7, 240)
    f = harmonics.stretched(jnp.float32(97.3), jnp.float32(4e-4), 40)
    k = np.arange(1, 41)
    np.testing.assert_allclose(f, 97.3 * k * np.sqrt(1.0 + 4e-4 * k**2), rtol=1e-6)
    y = harmonics.steady_partials(f, levels, phases, 2 * SR + 7, SR, 240)
    exact = plain_sum(np.float64(f), levels, phases, 2 * SR + 7, 240)
    assert np.abs(y - exact).max() < 2e-6 * np.abs(exact).max()


def test_partials_beyond_nyquist_are_silent_and_fade():
    f = jnp.asarray([0.44, 0.475, 0.5, 0.7]) * SR
    np.testing.assert_allclose(modal.audible(f, SR), [1.0, 0.5, 0.0, 0.0], atol=1e-5)
    y = harmonics.steady_partials(f[2:], jnp.ones((5, 2)), jnp.zeros(2), 1000, SR, 250)
    assert not np.any(y)


def test_gliding_harmonics_and_their_gradients_are_those_of_a_plain_sum():
    rng = np.random.default_rng(1)
    samples, hop, count = 3001, 128, 24
    levels, _ = sound(rng, count, samples, hop)
    turns = np.float32(np.cumsum(rng.uniform(0.001, 0.01, samples)) % 1.0)
    weight = np.float32(rng.standard_normal(samples))

    def plain(turns, levels):
        at = jnp.arange(samples) / hop
        whole, later = jnp.arange(samples) // hop, (at % 1.0)[:, None]
        between = (1.0 - later) * levels[whole] + later * levels[whole + 1]
        return jnp.sum(between * jnp.sin(2.0 * jnp.pi * jnp.arange(1, count + 1) * turns[:, None]), axis=1)

    def gliding(turns, levels):
        return harmonics.gliding_harmonics(turns, levels, hop)

    def pulled(f, *args):
        def both(turns, levels, weight):
            y, pull = jax.vjp(f, turns, levels)
            return y, pull(weight)

        return jax.tree.map(np.asarray, jit(both)(*args))

    y, found = pulled(gliding, turns, levels, weight)
    with jax.enable_x64(True):
        exact, slopes = pulled(plain, *(v.astype(np.float64) for v in (turns, levels, weight)))
    np.testing.assert_allclose(y, exact, atol=1e-5)
    for got, slope in zip(found, slopes, strict=True):
        np.testing.assert_allclose(got, slope, atol=3e-5 * np.abs(slope).max())
    direction = (np.float32(rng.standard_normal(samples)), np.float32(rng.standard_normal(levels.shape)))
    _, moved = jit(lambda at, along: jax.jvp(gliding, at, along))((turns, levels), direction)
    by_slopes = sum(np.sum(d * s) for d, s in zip(direction, slopes, strict=True))
    assert float(moved @ weight) == pytest.approx(by_slopes, rel=1e-3)


def test_modes_are_decaying_sines():
    rng = np.random.default_rng(2)
    f, t60 = np.float32(rng.uniform(40.0, 9000.0, 32)), np.float32(rng.uniform(0.05, 2.0, 32))
    a, p = np.float32(rng.uniform(0.0, 1.0, (2, 32)))
    y = modal.modes(f, t60, a, p, 2 * SR, SR)
    damping = 3.0 * np.log(10.0) / (np.float64(t60) + envelopes.SHORTEST_S)
    exact = plain_sum(np.float64(f), np.tile(a, (2, 1)), p, 2 * SR, 2 * SR, damping)
    assert np.abs(y - exact).max() < 2e-6 * np.abs(exact).max()


# --- noise

CENTRES = noise_bands.band_centres(16)


def noise_spectrum(levels, seed=0, hop=256):
    y = noise_bands.shaped_noise(jax.random.key(seed), jnp.asarray(levels, jnp.float32), CENTRES, SR, SR, hop)
    return np.asarray(y), np.abs(np.fft.rfft(y)) ** 2 / SR


def test_noise_of_even_levels_is_white_and_of_variance_one():
    y, power = noise_spectrum(np.ones((harmonics.frames_for(SR, 256), 16)))
    assert np.var(y) == pytest.approx(1.0, abs=0.02)
    thirds = power[:24_000].reshape(24, -1).mean(axis=1)
    assert np.abs(10.0 * np.log10(thirds)).max() < 0.7


def test_a_band_of_noise_stays_within_its_neighbours():
    """60 dB down two bands away, with as much at its centre as its level says."""
    levels = np.zeros((harmonics.frames_for(SR, 256), 16))
    levels[:, 10] = 0.5
    _, power = noise_spectrum(levels)
    at = round(CENTRES[10])
    assert 10.0 * np.log10(power[at - 20 : at + 20].mean() / 0.25) == pytest.approx(0.0, abs=1.5)
    for beside in (power[: round(CENTRES[8])], power[round(CENTRES[12]) :]):
        assert 10.0 * np.log10(beside.mean() / 0.25) < -50.0


def test_noise_follows_its_levels():
    frames = harmonics.frames_for(SR, 256)
    y, _ = noise_spectrum(np.where(np.arange(frames) < frames // 2, 1.0, 0.1)[:, None] * np.ones(16))
    half = SR // 2
    assert np.var(y[: half - 512]) / np.var(y[half + 512 :]) == pytest.approx(100.0, rel=0.1)


# --- frequency modulation


def test_sidebands_are_bessel_functions():
    carrier, modulator, index = 3000, 200, 2.5
    t = jnp.arange(SR, dtype=jnp.int32)
    turns = (phase.steady(jnp.float32(f), t, SR) for f in (carrier, modulator))
    spectrum = 2.0 / SR * np.abs(np.fft.rfft(fm.pair(*turns, jnp.float32(index))))
    orders = np.arange(-8, 9)
    np.testing.assert_allclose(spectrum[carrier + modulator * orders], np.abs(jv(orders, index)), atol=1e-5)


@pytest.mark.parametrize("feedback", [0.0, 0.8, 3.0])
def test_feedback_takes_the_mean_of_two_samples(feedback):
    turns = np.arange(2000) * 0.0137
    y, a, b = [], 0.0, 0.0
    for v in turns:
        y.append(np.sin(2.0 * np.pi * v + feedback * (a + b) / 2.0))
        a, b = y[-1], a
    got = fm.feedback_operator(jnp.asarray(turns % 1.0, jnp.float32), 1.0, jnp.float32(feedback))
    np.testing.assert_allclose(got[:500], y[:500], atol=2e-4)


def test_weak_feedback_is_the_series_of_kepler():
    """Without its delay of a sample and a half, the solution of $y = \\sin(x + \\beta y)$ has known harmonics."""
    f, beta, k = 20, 0.9, np.arange(1, 6)
    turns = phase.steady(jnp.float32(f), jnp.arange(SR, dtype=jnp.int32), SR)
    spectrum = 2.0 / SR * np.abs(np.fft.rfft(fm.feedback_operator(turns, 1.0, jnp.float32(beta))))
    np.testing.assert_allclose(spectrum[f * k], 2.0 / (k * beta) * jv(k, k * beta), rtol=2e-2)


# --- strings


@pytest.mark.parametrize(
    ("carrier_hz", "ratio", "index", "attack_ms"),
    [(1562.0, 0.185, 9.0, 300.0), (601.0, 0.195, 2.4, 5.0), (140.0, 0.77, 12.0, 80.0), (547.0, 0.5, 1.2, 20.0)],
)
def test_carrier_modulator_and_the_course_of_the_index_are_read_off_the_sidebands(carrier_hz, ratio, index, attack_ms):
    """The modulator was taken for a multiple of it where sidebands are weak, and the index for its wildest frame."""
    synth, played = Fm(), note(60.0, 1.0, 1.0, 1.5)
    carrier_ratio = carrier_hz / 261.6256
    true = {"carrier_ratio": carrier_ratio, "ratio": ratio, "index": index, "index_attack_ms": attack_ms}
    true |= {"index_sustain": 0.8, "index_decay_ms": 100.0, "feedback": 0.4, "velocity_sensitivity": 1.0}
    heard = render(synth, true, played, SR)
    best = min(
        synth.estimate(played, np.asarray(heard), Context(SR)),
        key=lambda guess: abs(guess["carrier_ratio"] / carrier_ratio - 1.0) + abs(guess["ratio"] / ratio - 1.0),
    )
    assert best["carrier_ratio"] == pytest.approx(carrier_ratio, rel=1e-3)
    assert best["ratio"] == pytest.approx(ratio, rel=3e-3)
    assert best["index"] == pytest.approx(index, rel=0.15)
    assert best["index_sustain"] == pytest.approx(0.8, abs=0.15)


@pytest.mark.parametrize(("carrier_hz", "modulator_hz", "attack_ms"), [(228.5, 68.2, 130.0), (307.0, 47.7, 194.0)])
def test_carrier_and_modulator_are_heard_in_the_first_periods(carrier_hz, modulator_hz, attack_ms):
    """Where many sidebands are mirrored at 0 Hz, no pair was found by where they lie."""
    carrier_ratio, ratio = carrier_hz / 261.6256, modulator_hz / carrier_hz
    true = {"carrier_ratio": carrier_ratio, "ratio": ratio, "index": 7.0, "index_attack_ms": attack_ms, "feedback": 0.3}
    heard = render(Fm(), true | {"index_sustain": 0.8, "attack_ms": 5.0}, note(60.0, 1.0, 1.0, 1.5), SR)
    told = modulated_onsets(np.asarray(heard)[0], SR)[:3]
    assert any(abs(one.carrier_hz - carrier_hz) < 15.0 and abs(one.modulator_hz - modulator_hz) < 12.0 for one in told)
    assert modulated_onsets(np.zeros(SR), SR) == []
    assert modulated_onsets(np.ones(99), SR) == []


def test_partials_decay_as_in_the_loop_of_karplus_and_strong():
    period, t60, brightness = 200, 1.0, 0.6
    f = jnp.arange(1, 21) * jnp.float32(SR / period)
    told = np.asarray(pluck.string_decays(f, jnp.float32(t60), jnp.float32(brightness), SR))
    s, samples = 0.5 * (1.0 - brightness), SR // 4
    w = 2.0 * np.pi / period
    keeps = 10.0 ** (-3.0 * period / SR / (t60 + envelopes.SHORTEST_S)) / (1.0 - s + s * np.cos(w))
    y = np.zeros(samples + period + 1)
    y[: period + 1] = np.resize(np.random.default_rng(0).standard_normal(period), period + 1)
    for n in range(period + 1, y.size):
        y[n] = keeps * ((1.0 - s) * y[n - period] + 0.5 * s * (y[n - period - 1] + y[n - period + 1]))
    first, last = (np.abs(np.fft.rfft(y[a : a + period]))[1:21] for a in (10 * period, 40 * period))
    seen = 30 * period / SR * 3.0 / np.log10(first / last)
    np.testing.assert_allclose(told, seen, rtol=0.02)
    assert told[0] == pytest.approx(t60, rel=1e-3)


def test_the_slopes_of_a_string_live_at_its_bounds():
    def energy(brightness, t60):
        f = jnp.float32(100.0) * jnp.arange(1, 300)
        return jnp.sum(jnp.log(pluck.string_decays(f, t60, brightness, SR)))

    for brightness in (0.0, 0.5, 1.0):
        slopes = jax.grad(energy, (0, 1))(jnp.float32(brightness), jnp.float32(0.0))
        assert np.isfinite(slopes).all()
        assert all(slopes)


# --- synths


def heard_hz(y):
    """The frequency of the strongest partial, from the phase that it turns between two halves."""
    half = y.size // 2
    window = np.hanning(half)
    first, last = (np.fft.rfft(window * v) for v in (y[:half], y[half : 2 * half]))
    k = np.argmax(np.abs(first))
    turned = np.angle(last[k] / first[k]) / (2.0 * np.pi)
    return SR / half * (k + turned - np.round(turned))


@pytest.mark.parametrize("pitch", [33.0, 60.3, 84.0])
@pytest.mark.parametrize("brightness", [0.3, 1.0])
def test_a_plucked_string_is_in_tune_whatever_its_tone(pitch, brightness):
    values = {"brightness": brightness, "inharmonicity": 1e-6, "hardness": 0.0, "position": 0.5, "decay_s": 20.0}
    y = render(PluckedString(), values, note(pitch, 2.0), SR)[0, :SR]
    assert abs(1200.0 * np.log2(heard_hz(y) / (440.0 * 2.0 ** ((pitch - 69.0) / 12.0)))) < 0.5


def test_a_kick_ends_at_its_tuning_and_takes_its_time():
    values = {"tune_hz": 55.0, "sweep_ms": 30.0, "decay_s": 1.5, "click": 0.0, "drive_db": 0.0}
    y = render(Kick(), values, note(60.0, 0.5, 0.1), SR)[0]
    assert heard_hz(y[4800:28_800]) == pytest.approx(55.0, rel=2e-3)
    early, late = (np.sqrt(np.mean(y[a : a + 4800] ** 2)) for a in (9600, 33_600))
    assert 20.0 * np.log10(early / late) == pytest.approx(60.0 * 0.5 / 1.5, rel=0.05)


def test_a_tom_ends_at_its_tuning_and_takes_its_time():
    values = {"tune_hz": 130.0, "sweep_ms": 30.0, "decay_s": 1.5, "overtone": 0.0, "noise": 0.0}
    y = render(Tom(), values, note(60.0, 0.5), SR)[0]
    assert heard_hz(y[4800:28_800]) == pytest.approx(130.0, rel=2e-3)
    early, late = (np.sqrt(np.mean(y[a : a + 4800] ** 2)) for a in (9600, 33_600))
    assert 20.0 * np.log10(early / late) == pytest.approx(60.0 * 0.5 / 1.5, rel=0.05)


HELD = {"attack_ms": 0.5, "sustain": 1.0, "velocity_sensitivity": 0.0}


def partials_db(y, f0_hz, count):
    """The levels of harmonics of a steady sound."""
    spectrum = np.abs(np.fft.rfft(y * np.hanning(y.size)))
    return 20.0 * np.log10(spectrum[np.rint(np.arange(1, count + 1) * f0_hz * y.size / SR).astype(int)])


@pytest.mark.parametrize("glides", [False, True])
def test_the_partials_of_an_additive_synth_are_as_loud_as_its_values_say(glides):
    """At 440 Hz, whose harmonics are on bins of a twentieth of a second; by 10 dB a second the third falls by 20."""
    own_db = [0.0, 6.0, 0.0, -9.0]
    values = HELD | {"tilt_db": -3.0, "even_db": -5.0, "gain_db": own_db, "hardness_db": 0.0, "damping_db": 10.0}
    y = render(Additive(8, 4, glides), values, note(69.0, 2.0), SR)[0]
    begin, later = (partials_db(y[int(s * SR) :][:4800], 440.0, 8) for s in (0.0, 1.0))
    k = np.arange(1, 9)
    expected = -3.0 * np.log2(k) - 5.0 * (k % 2 == 0) + np.pad(own_db, (0, 4)) - 0.05 * 10.0 * (k - 1)
    np.testing.assert_allclose(begin - begin[0], expected, atol=0.15)
    np.testing.assert_allclose(begin - later, 10.0 * (k - 1), atol=0.2)


def test_an_additive_synth_is_as_loud_at_any_tilt():
    for tilt_db in (-24.0, 6.0):
        y = render(Additive(), HELD | {"tilt_db": tilt_db, "damping_db": 0.0}, note(57.0, 1.0, 1.0), SR)[0, 4800:SR]
        assert np.mean(y**2) == pytest.approx(0.5, rel=0.02)


def test_a_gliding_synth_follows_its_curve():
    curve_st = 3.0 * np.sin(np.arange(SR) / 9000.0)
    values = HELD | {"damping_db": 0.0, "tilt_db": -6.0, "hardness_db": 0.0}
    y = render(Additive(4, 1, True), values | {"tune_st": curve_st}, note(45.0, 1.0, 1.0, length_s=1.0), SR)[0]
    turns = np.concatenate([[0.0], np.cumsum(110.0 / SR * 2.0 ** (curve_st / 12.0))[:-1]])
    level = 10.0 ** (-6.0 * np.log2(np.arange(1, 5)) / 20.0)
    expected = (level / np.sqrt(np.sum(level**2))) @ np.sin(2.0 * np.pi * np.arange(1, 5)[:, None] * turns)
    np.testing.assert_allclose(y[480:], expected[480:], atol=2e-3)


def test_each_band_of_noise_has_its_level_and_its_decay():
    bands, b = 8, 4
    centre_hz = noise_bands.band_centres(bands, 60.0)
    gain_db, decay_s = np.full(bands, -72.0), np.full(bands, 20.0)
    gain_db[b], decay_s[b] = -6.0, 3.0
    y = render(FilteredNoise(bands), HELD | {"gain_db": gain_db, "decay_s": decay_s}, note(60.0, 2.0), SR)[0]
    power = np.abs(np.fft.rfft(y[: SR // 2])) ** 2
    f = np.fft.rfftfreq(SR // 2, 1.0 / SR)
    inside = (f > centre_hz[b - 1]) & (f < centre_hz[b + 1])
    assert power[inside].sum() > 0.999 * power.sum()
    early, late = (np.sqrt(np.mean(y[a : a + SR // 2] ** 2)) for a in (4800, 4800 + SR))
    assert 20.0 * np.log10(early / late) == pytest.approx(60.0 / 3.0, abs=1.0)
    passed = noise_bands.shares(centre_hz, 256, SR)[b]
    decayed = np.mean(10.0 ** (-6.0 * (np.arange(SR // 2) + 4800) / SR / 3.0))
    assert 20.0 * np.log10(early) == pytest.approx(-6.0 + 10.0 * np.log10(np.mean(passed**2) * decayed), abs=1.0)


def test_a_clap_is_several_as_loud_in_any_band():
    loud = []
    for hz in (500.0, 3000.0):
        values = {"tune_hz": hz, "q": 0.5, "spread_ms": 25.0, "burst_ms": 15.0, "decay_s": 1.0, "room": 0.0}
        y = render(Clap(3), values, notes([(i, 0.5, 60.0, 1.0) for i in range(8)], 8.0), SR).reshape(8, SR)
        level = np.sqrt(np.mean(y**2, axis=0)[: SR // 5].reshape(-1, 60).mean(1))  # of 1.25 ms each
        for i in range(3):
            assert level[20 * i + 1 : 20 * i + 3].min() > 0.08
            assert i == 2 or level[20 * i + 17 : 20 * i + 20].max() < 0.01
        loud.append(np.sqrt(np.mean(y[:, 2880:9600] ** 2)))
    assert loud[0] == pytest.approx(loud[1], rel=0.1)
