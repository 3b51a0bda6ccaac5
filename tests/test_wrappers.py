"""What wrappers do to what they hold: mid and side, switching off, loops."""

import abc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import test_block_laws
import test_gradient_laws
from blocks import CTX, SR, apart, noise

import ddsp_lab as dl
from ddsp_lab import Bypass, Context, Feedback, MidSide, OneOf, Preset, Space, parse, render
from ddsp_lab._block import leaves
from ddsp_lab._errors import DdspLabError
from ddsp_lab._separate import played
from ddsp_lab.effects import Compressor, Delay, Gain, ParametricEq, SoftClip


def refused(code, said, call, *arguments):
    with pytest.raises(DdspLabError) as caught:
        call(*arguments)
    assert caught.value.code == code
    assert said in f"{caught.value.message} {caught.value.remedy}"


def plain(chain, **values):
    return jax.tree.map(np.asarray, Space(chain, start=values).complete({}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mid_side(gain)", "two blocks"),
        ("mid_side(gain, 3)", "no block"),
        ("mid_side(gain, delay, gain)", "two blocks"),
        ("mid_side(gain, delay, wide=2)", "wide"),
        ("bypass", "one block"),
        ("bypass(gain, bypassed=2)", "bypassed"),
        ("feedback(gain, delay)", "one block"),
        ("feedback(gain, delay_ms=0.5)", "delay_ms"),
        ("feedback(gain, delay_ms=2001)", "delay_ms"),
        ("feedback((feedback=gain))", "'feedback'"),
    ],
)
def test_what_makes_no_wrapper_is_refused(text, said):
    refused("bad-setting" if "wide" not in text else "unknown-setting", said, parse, text)


@pytest.mark.parametrize(
    "chain",
    [
        MidSide(Compressor() >> Gain(), 0.5 * Gain() + 0.5 * Delay()),
        MidSide(Gain().named("a"), Gain()).named("ms") >> Bypass(Delay().starting_at(mix=0.3)),
        Bypass(Bypass(Gain().named("x")), bypassed=False),
        Feedback(Feedback(Gain()) >> Bypass(SoftClip()), delay_ms=12.5).starting_at(feedback=-0.4),
        MidSide(Feedback(Gain()), Bypass(MidSide(Gain(), Gain()))),
    ],
    ids=str,
)
def test_wrappers_within_wrappers_read_back(chain):
    assert parse(str(chain)) == chain
    assert [path for path, _, _ in leaves(parse(str(chain)))] == [path for path, _, _ in leaves(chain)]


# --- mid and side


def test_mid_and_side_are_played_apart():
    x, chain = noise(0), parse("mid_side(gain, gain)")
    y = render(chain, {"mid.gain_db": -20.0, "side.gain_db": 6.0}, x, SR)
    mid, side = 0.1 * (x[0] + x[1]) / 2, 10**0.3 * (x[0] - x[1]) / 2
    np.testing.assert_allclose(y, [mid + side, mid - side], atol=1e-6)
    assert apart(render(chain, {}, x, SR), x) < 1e-6
    np.testing.assert_allclose(render(chain, {"mid.gain_db": -20.0}, x[0], SR), 0.1 * x[0], atol=1e-6)  # all mid


def test_the_quicker_of_mid_and_side_waits_and_other_channels_pass():
    chain, x = MidSide(Gain(), SoftClip().starting_at(drive_db=0.0)), 1e-3 * noise(1, (3, 3000))
    low = np.fft.rfft(x)
    low[:, 750:] = 0.0
    x = np.fft.irfft(low).astype(np.float32)
    y = render(chain, {}, x, SR)
    assert chain.latency_samples(SR) == 64
    np.testing.assert_array_equal(y[2], x[2])
    assert apart(y[:2, 300:-300], x[:2, 300:-300]) < 1e-3


def test_a_link_that_spreads_out_does_not_fit_into_mid_and_side():
    with pytest.raises(DdspLabError, match="mid"):
        MidSide(MonoToTwo(), Gain()).channels_out(2)


class MonoToTwo(Gain, abc.ABC):
    def channels_out(self, channels):
        return 2 * channels


@pytest.mark.parametrize("chain", [MidSide(Compressor(), Gain()), Feedback(Gain()), Feedback(ParametricEq(2))], ids=str)
def test_separation_and_undoing_are_exact_at_the_true_values(chain):
    """In a chain: the links before are wanted to do what they do."""
    whole = Gain().named("pre") >> chain
    u = np.random.default_rng(0).uniform(0.3, 0.7, Space(whole).size)
    p, x = Space(whole).decode(u), np.pad(noise(3), ((0, 0), (100, 1000)))
    y = played(whole, p, x, CTX)
    inner = whole.children[chain.name]
    source = played(whole.blocks[0], p["pre"], x, CTX)
    for name, given, wanted in inner.separate(p[chain.name], source, y, CTX):
        assert apart(wanted, played(inner.children[name], p[chain.name][name], given, CTX)) < 2e-5, name
    wanted = {name: y for name, _, y in whole.separate(p, x, y, CTX)}
    assert apart(wanted["pre"], source) < 1e-3


def test_hidden_settings_of_mid_and_side_are_found():
    x = noise(4, (2, 2 * SR))
    chain = parse("mid_side(gain, parametric_eq(bands=1))")
    hidden = {"mid": {"gain_db": -7.0}, "side": {"cutoff_hz": 900.0, "gain_db": 9.0, "q": 1.5}}
    result = dl.fit(chain, x, render(chain, hidden, x, SR), SR)
    assert result.metrics["esr"] < 1e-6
    assert result.values["mid"]["gain_db"] == pytest.approx(-7.0, abs=0.01)
    assert result.values["side"]["cutoff_hz"][0] == pytest.approx(900.0, rel=0.01)


# --- switching off


def test_a_bypassed_block_keeps_its_place():
    x, off, on = noise(5), Bypass(SoftClip()), Bypass(SoftClip(), bypassed=False)
    assert off.latency_samples(SR) == 64
    np.testing.assert_array_equal(render(off, {}, x, SR), x)
    late = off.apply(plain(off), jnp.asarray(x), CTX)
    np.testing.assert_array_equal(late[:, 64:], x[:, :-64])
    np.testing.assert_array_equal(render(on, {}, x, SR), render(SoftClip(), {}, x, SR))
    values = {"soft_clip": {"drive_db": 30.0}}
    preset = Preset.of(off, values, SR)
    assert preset.values["soft_clip"]["drive_db"] == 30.0
    switched = Preset(str(on), preset.values, SR)  # the same values under the same paths
    assert apart(switched.render(x, SR), render(SoftClip(), {"drive_db": 30.0}, x, SR)) < 1e-6


def test_no_search_moves_what_is_bypassed():
    chain = parse("gain >> bypass(delay >> compressor) >> (0.5 * bypass(gain) + bypass(gain, bypassed=false))")
    assert Space(chain).names == [
        "gain.gain_db",
        "parallel.weights.bypass",
        "parallel.weights.bypass_2",
        "parallel.bypass_2.gain.gain_db",
    ]
    x = noise(6, (1, SR))
    chain = parse("bypass(delay(time_ms=100)) >> gain")
    result = dl.fit(chain, x, 0.5 * x, SR)
    assert result.values["gain"]["gain_db"] == pytest.approx(-6.02, abs=0.01)
    assert result.values["bypass"]["delay"]["time_ms"] == 100.0
    refused("nothing-to-fit", "no free parameter", dl.fit, "bypass(gain)", x, x, SR)


# --- one of several

SEVERAL = "one_of(gain, soft_clip(oversample=1), soft_clip(oversample=8) >> delay)"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("one_of", "bad-setting", "one_of(gain, delay)"),
        ("one_of(gain)", "bad-setting", "no choice"),
        ("one_of(gain, 3)", "bad-setting", "blocks"),
        ("one_of(gain, (which=delay))", "bad-setting", "'which'"),
        ("one_of(gain, delay, what=1)", "bad-setting", "blocks"),
        ("one_of(gain, delay, which='fuzz')", "parameter-shape", "gain, delay"),
        ("one_of(gain, delay, which=2)", "parameter-bounds", "gain, delay"),
    ],
)
def test_what_is_no_choice_is_refused(text, code, said):
    refused(code, said, parse, text)


def test_the_chosen_block_is_heard_as_late_as_the_latest():
    x, chain = noise(0), parse(SEVERAL)
    assert chain.latency_samples(SR) == chain.blocks[2].latency_samples(SR) > 0
    for which, block in enumerate(chain.blocks):
        for said in (which, list(chain.children)[which]):
            assert apart(render(chain, {"which": said}, x, SR), render(block, {}, x, SR)) < 1e-6
    assert str(parse(f"{SEVERAL[:-1]}, which='series')")) == f"{SEVERAL[:-1]}, which='series')"
    assert str(chain.starting_at(which=1)) == f"{SEVERAL[:-1]}, which='soft_clip')"


def test_branches_that_spread_out_differently_are_refused():
    refused("audio-channels", "branches", OneOf((MonoToTwo(), Gain())).channels_out, 1)


def test_only_the_chosen_block_costs_anything():
    chain = parse(SEVERAL)
    costs = [dl.ops_per_sample(chain, values={"which": i}) for i in range(3)]
    assert costs == pytest.approx([dl.ops_per_sample(b) for b in chain.blocks], abs=1.0)
    assert costs[2] > 10 * costs[0]
    assert dl.ops_per_sample(chain) == pytest.approx(max(costs), abs=1.0)


def test_choices_nest_and_stand_in_sums_and_loops():
    chain = parse(
        "0.5 * one_of(one_of(gain, soft_clip), delay) + feedback(one_of(gain, delay)) + mix(one_of(gain, delay))"
    )
    for law in (
        test_block_laws.test_no_parameter_is_dead,
        test_block_laws.test_streams_in_pieces,
        test_block_laws.test_a_population_is_a_loop,
        test_block_laws.test_its_text_reads_back,
        test_block_laws.test_a_preset_gives_the_same_audio,
    ):
        law(chain)


def test_a_search_finds_what_was_chosen_and_its_values():
    x, chain = noise(1, (1, SR)), parse("one_of(tilt_eq, gain, hard_clip(oversample=1), which='tilt_eq') >> gain")
    y = render(chain, {"one_of.which": "hard_clip", "one_of.hard_clip.drive_db": 20.0, "gain.gain_db": -4.0}, x, SR)
    result = dl.fit(chain, x, y, SR, optimizer="pygad(generations=60)")
    assert result.values["one_of"]["which"] == 2.0
    assert result.metrics["esr"] < 0.02
    assert ("one_of.which", "hard_clip", "tilt_eq, gain, hard_clip") in result.table()
    preset = Preset.parse(result.preset.text().encode())
    assert apart(preset.render(x, SR), render(chain, result.values, x, SR)) < 1e-6


def test_a_descent_fits_the_block_that_the_chain_starts_with():
    x, chain = noise(2, (1, 2 * SR)), parse("one_of(soft_clip, parametric_eq(bands=1), which='parametric_eq') >> gain")
    hidden = {"one_of.parametric_eq": {"cutoff_hz": 900.0, "gain_db": 9.0, "q": 1.5}, "gain.gain_db": -4.0}
    result = dl.fit(chain, x, render(chain, hidden, x, SR), SR, optimizer="alternating")
    assert result.metrics["esr"] < 1e-6
    assert "one_of.which" in dict(result.notes)["fit-discrete-stays"]


# --- loops


def test_a_loop_around_a_wire_is_an_echo():
    """Where the loop dies away by itself, it is a comb to float32."""
    x = np.pad(noise(7, (1, 500)), ((0, 0), (0, 3500)))
    y = render(parse("feedback(gain, delay_ms=25)"), {"feedback": -0.8, "gain.gain_db": -1.0}, x, SR)
    wanted, gain = np.zeros((1, 4000)), 10 ** (-1 / 20)
    for n in range(4000):
        wanted[:, n] = gain * (x[:, n] - 0.8 * (wanted[:, n - 200] if n >= 200 else 0.0))
    assert apart(y, wanted) < 1e-6


def test_a_loop_counts_the_latency_of_its_chain():
    click = 1e-3 * np.eye(1, 2000, 300, dtype=np.float32)
    y = render(parse("feedback(soft_clip(drive_db=0), delay_ms=25, feedback=0.5)"), {}, click, SR)[0]
    assert np.argmax(y) == 300
    assert np.argmax(y[400:]) + 400 == 300 + 200 + 64


LOUD = ("gain(gain_db=24)", "compressor(makeup_gain_db=24)", "soft_clip(drive_db=40)")
LOUD_AND_SLOW = (  # to compile
    "parametric_eq(bands=1, gain_db=20, q=10, cutoff_hz=300)",
    "delay(time_ms=77, feedback=0.95, mix=1) >> gain(gain_db=24)",
    "reverb_fdn >> gain(gain_db=24)",
    "feedback(gain(gain_db=24), feedback=0.95) >> gain(gain_db=24)",
)


@pytest.mark.parametrize(
    ("text", "feedback"),
    [
        *((text, 0.95) for text in LOUD),
        (LOUD[0], -0.95),
        *(pytest.param(text, 0.95, marks=pytest.mark.nightly) for text in LOUD_AND_SLOW),
        pytest.param(LOUD_AND_SLOW[0], -0.95, marks=pytest.mark.nightly),
    ],
)
def test_no_chain_makes_a_loop_grow(text, feedback):
    """Twenty seconds, a thousand times round: the sound does not grow on and on, gradients stay finite, through silence
    too."""
    chain, seconds = Feedback(parse(text)), 20
    x = np.zeros((1, seconds * 1000), np.float32)
    x[:, 100:400] = noise(8, (1, 300))
    x[:, 15_000:15_010] = 0.5
    y = render(chain, {"feedback": feedback}, x, 1000)
    loud = np.sqrt(np.mean(y.reshape(seconds, -1) ** 2, axis=1))
    assert np.isfinite(y).all()
    assert loud[14] < 1.05 * loud[:10].max()

    def seen(u, x):
        y = render(chain, Space(chain).layout.decode(u, {}), x, 1000)
        return jnp.sum(y[:, -1000:])

    for sound in (x, np.zeros_like(x), 1e-20 * x):
        u = jnp.asarray(Space(chain).encode({"feedback": feedback}), jnp.float32)
        slopes = jax.jit(jax.grad(seen, argnums=(0, 1)))(u, jnp.asarray(sound))
        assert all(np.isfinite(v).all() for v in slopes)


def test_curves_are_cut_with_the_blocks_of_a_loop():
    chain, x = parse("feedback(gain, delay_ms=13)"), noise(9, (1, 5000))
    fade = np.linspace(-3.0, -30.0, 5000)
    y = render(chain, {"gain.gain_db": fade, "feedback": np.linspace(0.0, 0.9, 5000)}, x, SR)
    wanted = np.zeros(5000)
    for n in range(5000):
        back = 0.9 * n / 4999 * wanted[n - 104] if n >= 104 else 0.0
        wanted[n] = 10 ** (fade[n] / 20) * (x[0, n] + back)
    assert apart(y[0], wanted) < 1e-5


def test_a_loop_keeps_its_channels():
    refused("audio-channels", "feed", Feedback(MonoToTwo()).channels_out, 1)


# --- modulation


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modulate(gain)", "Known: gain_db"),
        ("modulate(gain, target='gain')", "Did you mean 'gain_db'"),
        ("modulate(delay, target='time_ms')", "mix"),
        ("modulate(delay >> gain, target='gain_db')", "gain.gain_db"),
        ("modulate(gain, target='gain_db', source='tape')", "source"),
        ("modulate(gain, target='gain_db', knots=1)", "knots"),
        ("modulate(compressor >> soft_clip, target='compressor.attack_ms')", "cannot move"),
    ],
)
def test_what_cannot_be_modulated_is_refused(text, said):
    refused("bad-setting", said, parse, text)


def test_an_oscillator_keeps_its_phase_for_minutes():
    x, n, sr = np.ones((1, 180_000), np.float32), np.arange(180_000), 1024
    rate = float(np.float32(7.3))
    chain = parse("modulate(gain(gain_db=-20), target='gain_db', rate_hz=7.3, depth=0.1, phase=0.2)")
    wanted = 10 ** ((-20 + 8.4 * np.sin(2 * np.pi * (rate / sr * n + 0.2))) / 20)
    assert apart(render(chain, {}, x, sr)[0], wanted) < 3e-6
    later = Context(sr, jnp.float32(150_000 / sr))  # a crop from the middle
    play = jax.jit(lambda p, x: chain.apply(p, x, later))
    assert apart(play(plain(chain), x[:, :2000])[0], wanted[150_000:152_000]) < 3e-6


def test_a_triangle_has_the_zeros_and_peaks_of_the_sine():
    x = np.ones(1000, np.float32)
    chain = parse("modulate(gain(gain_db=-20), target='gain_db', rate_hz=1, depth=0.1, shape=1)")
    db = 20 * np.log10(render(chain, {}, x, 1000))
    np.testing.assert_allclose(db[[0, 125, 250, 500, 750]], [-20, -15.8, -11.6, -20, -28.4], atol=1e-3)


def test_modulation_stops_at_the_bounds():
    x = np.ones(1000, np.float32)
    db = 20 * np.log10(render(parse("modulate(gain(gain_db=20), target='gain_db', rate_hz=1, depth=1)"), {}, x, 1000))
    assert db.max() == pytest.approx(24.0, abs=1e-4)
    assert db.min() == pytest.approx(-60.0, abs=1e-3)


def test_an_envelope_follows_the_level():
    """Steady, its level is 1 - L / 60; after the sound it falls by 4.3 dB, 10 log10(e) twice, each release time."""
    chain = parse("modulate(gain, target='gain_db', source='envelope', attack_ms=1, release_ms=50, depth=0.5)")
    x = np.full(2000, 0.1, np.float32)
    assert 20 * np.log10(render(chain, {}, x, 1000)[-1] / 0.1) == pytest.approx(24.0, abs=1e-3)  # clipped
    y = render(chain, {"depth": -0.5}, x, 1000)
    assert 20 * np.log10(y[-1] / 0.1) == pytest.approx(-84 * 0.5 * 40 / 60, abs=1e-3)
    x[1000:] = 1e-4
    gain = 20 * np.log10(render(chain, {"depth": -0.5}, x, 1000) / x)
    fall = 20 * np.log10(1e-4 + 0.0999 * np.exp(-np.array([50, 100]) / 50))
    np.testing.assert_allclose(gain[[1049, 1099]], -42 * (1 + fall / 60), atol=0.1)


@pytest.mark.parametrize("text", ["gain", "soft_clip(drive_db=0, oversample=1) >> gain >> soft_clip(drive_db=0)"])
def test_a_drawn_curve_joins_its_knots(text):
    target = "gain_db" if text == "gain" else "gain.gain_db"
    chain = parse(f"modulate({text}, target='{target}', source='curve', knots=3, seconds=1, curve=[0, -0.5, -0.25])")
    x = np.full(2000, 1e-3, np.float32)
    db = 20 * np.log10(render(chain, {}, x, 1000) / x)
    np.testing.assert_allclose(db[[250, 500, 750, 1500]], [-21, -42, -31.5, -21], atol=0.15)


def test_a_curve_behind_a_late_link_acts_where_the_sound_is():
    text = "modulate(soft_clip >> gain, target='gain.gain_db', source='curve', knots=2, seconds=0.1, curve=[0, -0.5])"
    x = 0.01 * np.sin(np.arange(2000) * 0.3).astype(np.float32)
    moving, still = render(parse(text), {}, x, SR), render(parse("soft_clip"), {}, x, SR)
    wanted = still * 10 ** (-42 * np.minimum(np.arange(2000) / (0.1 * SR), 1.0) / 20)
    assert apart(moving, wanted) < 1e-5


@pytest.mark.parametrize(
    "text",
    [
        "modulate(gain, target='gain_db', source='curve', knots=4, seconds=0.2)",
        "modulate(delay >> mix(gain), target='mix.mix', source='envelope')",
        "modulate(modulate(gain, target='gain_db'), target='depth', source='curve', knots=2, seconds=0.2)",
    ],
)
def test_the_laws_hold_for_every_source(text):
    chain = parse(text)
    for law in (
        test_block_laws.test_no_parameter_is_dead,
        test_block_laws.test_streams_in_pieces,
        test_block_laws.test_time_invariance_is_as_declared,
        test_block_laws.test_its_text_reads_back,
        test_block_laws.test_a_preset_gives_the_same_audio,
    ):
        law(chain)
    with jax.enable_x64(True):
        test_gradient_laws.test_gradients_are_finite_differences(chain, None)


def test_a_hidden_fade_is_found():
    x = noise(10, (1, 2 * SR))
    chain = parse("modulate(gain, target='gain_db', source='curve', knots=4, seconds=2)")
    hidden = {"curve": [0.0, -0.3, -0.1, -0.2], "gain": {"gain_db": 0.0}}
    result = dl.fit(chain, x, render(chain, hidden, x, SR), SR, frozen=["gain"])
    np.testing.assert_allclose(result.values["curve"], hidden["curve"], atol=1e-3)
