"""Filters and the stereo place against scipy in float64, and what musicians know about them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from ddsp_lab import Block, Context, render
from ddsp_lab.dsp import varying
from ddsp_lab.effects import (
    AllPass,
    Comb,
    DcBlocker,
    FractionalDelay,
    GraphicEq,
    HighShelf,
    Pan,
    Polarity,
    StateVariableFilter,
    StereoWidth,
    TiltEq,
    ToneStack,
)
from ddsp_lab.effects.tone_stack import BASS_TAPER, MODELS

SR = 48_000


def noise(seed, samples=SR // 2, channels=1):
    return (0.2 * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


def apart(a, b):
    """The largest difference over the largest sample of `b`."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def impulse_response(block, values, samples=1 << 16):
    return render(block, values, np.eye(1, samples, dtype=np.float32), SR)[0].astype(float)


def level_db(block, values, frequency_hz):
    h = impulse_response(block, values)
    return 20.0 * np.log10(np.abs(scipy.signal.freqz(h, worN=np.atleast_1d(frequency_hz), fs=SR)[1]))


# --- second-order sections


def cookbook(kind, f, q, gain_db=0.0):
    """A section as in Bristow-Johnson's cookbook, in float64."""
    a, w = 10.0 ** (gain_db / 40.0), 2.0 * np.pi * f / SR
    c, alpha = np.cos(w), np.sin(w) / (2.0 * q)
    root, poles = 2.0 * np.sqrt(a) * alpha, [1 + alpha, -2 * c, 1 - alpha]
    rows = {
        "low_pass": ([(1 - c) / 2, 1 - c, (1 - c) / 2], poles),
        "high_pass": ([(1 + c) / 2, -1 - c, (1 + c) / 2], poles),
        "band_pass": ([alpha, 0.0, -alpha], poles),
        "notch": ([1.0, -2 * c, 1.0], poles),
        "all_pass": (poles[::-1], poles),
        "peak": ([1 + alpha * a, -2 * c, 1 - alpha * a], [1 + alpha / a, -2 * c, 1 - alpha / a]),
        "low_shelf": (
            [a * (a + 1 - (a - 1) * c + root), 2 * a * (a - 1 - (a + 1) * c), a * (a + 1 - (a - 1) * c - root)],
            [a + 1 + (a - 1) * c + root, -2 * (a - 1 + (a + 1) * c), a + 1 + (a - 1) * c - root],
        ),
        "high_shelf": (
            [a * (a + 1 + (a - 1) * c + root), -2 * a * (a - 1 + (a + 1) * c), a * (a + 1 + (a - 1) * c - root)],
            [a + 1 - (a - 1) * c + root, 2 * (a - 1 - (a + 1) * c), a + 1 - (a - 1) * c - root],
        ),
    }
    return rows[kind]


PLAIN = ("low_pass", "high_pass", "band_pass", "notch", "all_pass")
EQUALISERS = ("low_shelf", "high_shelf", "peak")


@pytest.mark.parametrize("kind", PLAIN + EQUALISERS)
def test_a_section_is_the_cookbooks_to_2e6(kind):
    x, rng = noise(0), np.random.default_rng(1)
    block = Block.member(kind)()
    draws = [np.float32(10.0 ** rng.uniform([1.3, -1.0], [4.3, 1.0])) for _ in range(6)]
    for f, q in [*draws, np.float32([20.0, 10.0]), np.float32([20_000.0, 0.1])]:
        values = {"cutoff_hz": f, "q": q} | ({"gain_db": rng.choice([-15.0, 12.0])} if kind in EQUALISERS else {})
        gain = values.get("gain_db", 0.0)
        expected = scipy.signal.lfilter(*cookbook(kind, float(f), float(q), gain), x[0].astype(float))
        assert apart(render(block, values, x, SR)[0], expected) < 2e-6


@pytest.mark.parametrize("kind", PLAIN + EQUALISERS)
def test_a_sections_estimate_finds_what_it_was(kind):
    """Up to a gain: what a chain's other links do with the level is theirs."""
    x, block = noise(2, 2 * SR), Block.member(kind)()
    values = {"cutoff_hz": 700.0, "q": 2.0} | ({"gain_db": 9.0} if kind in EQUALISERS else {})
    guess = block.estimate(x, 0.5 * render(block, values, x, SR), Context(SR))[0]
    for name, value in values.items():
        assert guess[name] == pytest.approx(value, rel=0.02), name


def test_an_all_pass_changes_no_level():
    frequency = np.geomspace(30.0, 20_000.0, 50)
    np.testing.assert_allclose(level_db(AllPass(), {"cutoff_hz": 900.0, "q": 1.5}, frequency), 0.0, atol=1e-3)


def test_a_shelf_turned_round_undoes_itself():
    x = noise(3)
    y = render(HighShelf(), {"gain_db": 12.0}, x, SR)
    assert apart(render(HighShelf(), {"gain_db": -12.0}, y, SR), x) < 1e-6


# --- one pole


def test_a_dc_blocker_takes_away_the_mean_and_nothing_heard():
    x = noise(4, 4 * SR) + 0.5
    y = render(DcBlocker(), {"cutoff_hz": 5.0}, x, SR)
    assert abs(np.mean(y[:, SR:])) < 1e-3
    assert level_db(DcBlocker(), {"cutoff_hz": 5.0}, 50.0) > -0.05


@pytest.mark.parametrize("block", [DcBlocker(), TiltEq()], ids=["dc_blocker", "tilt_eq"])
def test_one_pole_is_scipys_to_1e6(block):
    x = noise(5)
    if block == DcBlocker():
        values, corner, analog = {"cutoff_hz": 3.0}, 3.0, ([1.0, 0.0], [1.0, 1.0])
    else:
        a = 10.0 ** (9.0 / 40.0)
        values, corner, analog = {"tilt_db": 9.0, "pivot_hz": 600.0}, 600.0, ([a, 1.0], [1.0, a])
    warped = [np.array(v) / np.array([np.tan(np.pi * corner / SR), 1.0]) for v in analog]
    expected = scipy.signal.lfilter(*scipy.signal.bilinear(*warped, fs=0.5), x[0].astype(float))
    assert apart(render(block, values, x, SR)[0], expected) < 1e-6


def test_a_tilt_is_the_level_of_the_highs_over_the_lows():
    low, pivot, high = level_db(TiltEq(), {"tilt_db": 12.0, "pivot_hz": 800.0}, [5.0, 800.0, 23_900.0])
    np.testing.assert_allclose([low, pivot, high], [-6.0, 0.0, 6.0], atol=0.02)


# --- tone stack


def tone_stack_transfer(parts, low, mid, treble):
    """The circuit solved for its nodes at one frequency after another, scipy's bilinear rule by warping."""

    def at(s):
        ground, source, a, b, c, d, m = None, "x", 0, 1, 2, 3, 4
        c1, c2, c3 = parts.c
        wires = [
            (source, a, s * c1), (a, c, 1 / parts.treble), (source, b, 1 / parts.slope), (b, c, s * c2),
            (b, m, s * c3), (c, d, 1 / (low * parts.bass)), (d, m, 1 / ((1 - mid) * parts.mid)),
            (m, ground, 1 / (mid * parts.mid)),
        ]  # fmt: skip
        y, drive = np.zeros((5, 5), complex), np.zeros(5, complex)
        for one, other, admittance in wires:
            for here, there in ((one, other), (other, one)):
                if isinstance(here, int):
                    y[here, here] += admittance
                    if isinstance(there, int):
                        y[here, there] -= admittance
                    elif there == source:
                        drive[here] += admittance
        v = np.linalg.solve(y, drive)
        return treble * v[a] + (1 - treble) * v[c]

    return at


@pytest.mark.parametrize("model", MODELS)
def test_a_tone_stack_is_the_circuit(model):
    frequency = np.geomspace(20.0, 20_000.0, 40)
    for bass, mid, treble in np.random.default_rng(6).uniform(0.02, 0.98, (6, 3)):
        at = tone_stack_transfer(MODELS[model], np.exp(BASS_TAPER * (bass - 1.0)), mid, treble)
        expected = np.array([at(2j * SR * np.tan(np.pi * f / SR)) for f in frequency])
        h = impulse_response(ToneStack(model), {"bass": bass, "mid": mid, "treble": treble})
        heard = scipy.signal.freqz(h, worN=frequency, fs=SR)[1]
        assert np.abs(heard - expected).max() < 3e-6


# --- graphic equaliser


@pytest.mark.parametrize(
    ("bands", "sr"),
    [(10, SR), (31, 44_100), *(pytest.param(*v, marks=pytest.mark.nightly) for v in ((10, 44_100), (31, SR)))],
)
def test_a_graphic_equaliser_does_what_its_faders_say(bands, sr):
    """Alternating boosts and cuts, the worst case of interaction, to 0.01 dB, and a straight line to 2 dB between."""
    block, alternating = GraphicEq(bands), np.where(np.arange(bands) % 2, 12.0, -12.0)
    for gain in (alternating, np.full(bands, 12.0), np.random.default_rng(0).uniform(-12.0, 12.0, bands)):
        h = render(block, {"gain_db": gain}, np.eye(1, 1 << 17, dtype=np.float32), sr)[0].astype(float)
        frequency, heard = np.fft.rfftfreq(h.size, 1.0 / sr), 20.0 * np.log10(np.abs(np.fft.rfft(h)))
        centres = block.centres_hz
        reached = 20.0 * np.log10(np.abs(scipy.signal.freqz(h, worN=centres, fs=sr)[1]))
        assert np.abs(reached - gain).max() < 0.01
        between = (frequency > centres[0]) & (frequency < centres[-1])
        line = np.interp(np.log(frequency[between]), np.log(centres), gain)
        assert np.abs(heard[between] - line).max() < 2.0


def test_the_faders_of_a_graphic_equaliser_are_found():
    x, gain = noise(11, 2 * SR), np.random.default_rng(1).uniform(-12.0, 12.0, 10)
    guess = GraphicEq().estimate(x, render(GraphicEq(), {"gain_db": gain}, x, SR), Context(SR))[0]["gain_db"]
    assert np.abs(guess - gain)[1:].max() < 0.7  # a band at 31 Hz is narrower than what is measured


# --- a filter that moves


def moved(mode, cutoff_hz, q, x):
    """The filter of Simper's paper sample by sample in float64."""
    g, k = np.tan(np.pi * cutoff_hz / SR), 1.0 / q
    first = second = 0.0
    y = np.zeros_like(x)
    for n, v in enumerate(x):
        band = (first + g[n] * (v - second)) / (1.0 + g[n] * (g[n] + k[n]))
        low = second + g[n] * band
        first, second = 2.0 * band - first, 2.0 * low - second
        y[n] = {"low": low, "band": k[n] * band, "high": v - k[n] * band - low, "notch": v - k[n] * band}[mode]
    return y


@pytest.mark.parametrize("mode", ["low", "high", "band", "notch"])
def test_a_moving_filter_is_its_float64_recursion(mode):
    """A cutoff that jumps over its whole range and a Q that sweeps."""
    x, rng = noise(12, 8000, 2), np.random.default_rng(2)
    cutoff_hz = np.repeat(20.0 * 1000.0 ** rng.uniform(size=80), 100).astype(np.float32)
    q = np.geomspace(0.1, 10.0, 8000).astype(np.float32)
    y = render(StateVariableFilter(mode), {"cutoff_hz": cutoff_hz, "q": q}, x, SR)
    for heard, v in zip(y, x, strict=True):
        assert apart(heard, moved(mode, cutoff_hz.astype(float), q.astype(float), v.astype(float))) < 5e-6


@pytest.mark.parametrize("reverse", [False, True])
def test_the_parallel_recursion_is_the_serial_one(reverse):
    rng = np.random.default_rng(3)
    drive, start = jnp.asarray(rng.standard_normal((2, 1000)), jnp.float32), jnp.asarray([0.7, -0.3])
    g = jnp.asarray(rng.uniform(0.01, 3.0, 1000), jnp.float32)
    settings = 2.0 * g / (1.0 + g * (g + 0.1)), g + 0.1, g
    there, here = (f(tuple(start), tuple(drive), settings, reverse) for f in (varying._parallel, varying._serial))
    for a, b in zip(jax.tree.leaves(there), jax.tree.leaves(here), strict=True):
        assert apart(np.asarray(a), np.asarray(b)) < 1e-5


# --- fractional delay


@pytest.mark.parametrize("delay", [0.0, 0.3, 1.7, 2.5, 3.9, 4.5, 700.25])
def test_a_fractional_delay_is_late_by_what_it_says(delay):
    """A band below 0.15 of the sample rate, against its spectrum turned."""
    x = scipy.signal.lfilter(*scipy.signal.butter(8, 0.2), noise(13)).astype(np.float32)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(2 * x.shape[1]) * delay)
    expected = np.fft.irfft(np.fft.rfft(x, 2 * x.shape[1]) * turn)[:, : x.shape[1]]
    y = render(FractionalDelay(), {"delay_ms": 1e3 * delay / SR}, x, SR)
    assert apart(y[:, 100:], expected[:, 100:]) < (2e-3 if delay > 4.0 else 3e-2)


@pytest.mark.parametrize("delay", [0.4, 33.3, 1234.56])
def test_a_fractional_delay_is_found(delay):
    x = noise(14)
    y = -0.5 * render(FractionalDelay(), {"delay_ms": 1e3 * delay / SR}, x, SR)
    found = FractionalDelay().estimate(x, y, Context(SR))[0]["delay_ms"]
    assert abs(found * 1e-3 * SR - delay) < 0.05


# --- comb


@pytest.mark.parametrize(("feedforward", "feedback"), [(0.7, 0.0), (0.0, -0.9), (-0.5, 0.8)])
def test_a_comb_is_scipys_and_is_found(feedforward, feedback):
    x, values = noise(15), {"time_ms": 2.0, "feedforward": feedforward, "feedback": feedback}
    b, a = np.eye(1, 97)[0], np.eye(1, 97)[0]
    b[96], a[96] = feedforward, -feedback
    y = render(Comb(), values, x, SR)
    assert apart(y[0], scipy.signal.lfilter(b, a, x[0].astype(float))) < 1e-6
    guess = Comb().estimate(x, y, Context(SR))[0]
    assert all(guess[k] == pytest.approx(v, abs=0.05) for k, v in values.items())


# --- level and stereo


def test_a_pan_keeps_the_power():
    mono, stereo = noise(7), noise(7, channels=2)
    stereo[1] *= np.sqrt(np.sum(stereo[0] ** 2) / np.sum(stereo[1] ** 2))
    for x in (mono, stereo):
        for position in np.linspace(-1.0, 1.0, 9):
            y = render(Pan(), {"position": position}, x, SR)
            assert y.shape[0] == 2
            assert np.sum(y**2) == pytest.approx(np.sum(x**2), rel=1e-5)
    np.testing.assert_allclose(render(Pan(), {}, stereo, SR), stereo, rtol=1e-6)
    assert not render(Pan(), {"position": 1.0}, mono, SR)[0].any()
    assert not render(Pan(), {"position": -1.0}, mono, SR)[1].any()


@pytest.mark.parametrize("channels", [1, 2])
def test_a_pan_is_found_and_undone(channels):
    x = noise(8, channels=channels)
    y = render(Pan(), {"position": 0.37}, x, SR)
    assert Pan().estimate(x, 0.5 * y, Context(SR))[0]["position"] == pytest.approx(0.37, abs=1e-5)
    assert apart(np.asarray(Pan().undo({"position": jnp.float32(0.37)}, x, y, Context(SR))), x) < 1e-6


def test_no_width_is_mono_and_mono_has_no_width():
    x = noise(9, channels=2)
    y = render(StereoWidth(), {"width": 0.0}, x, SR)
    np.testing.assert_array_equal(y[0], y[1])
    np.testing.assert_allclose(render(StereoWidth(), {}, x, SR), x, atol=1e-7)
    np.testing.assert_array_equal(render(StereoWidth(), {"width": 2.0}, x[:1], SR), x[:1])
    wider = -0.7 * render(StereoWidth(), {"width": 1.6}, x, SR)
    assert StereoWidth().estimate(x, wider, Context(SR))[0]["width"] == pytest.approx(1.6, abs=1e-5)


def test_polarity_turns_round_and_is_found():
    x = noise(10)
    np.testing.assert_array_equal(render(Polarity(), {"amount": 1.0}, x, SR), -x)
    assert Polarity().estimate(x, -0.3 * x, Context(SR)) == [{"amount": 1.0}]
