"""Parameters that follow a curve: what every automatable one promises, how curves travel, and what is refused."""

from functools import cache
from itertools import pairwise, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blocks import CTX, CUTS, MEMBERS, SAMPLES, SR, apart, draws, noise, values
from helpers import NIGHTLY, cli, cli_json, jit
from test_gradient_laws import differences

import ddsp_lab as dl
from ddsp_lab import Context, Param, Preset, Space, parse, render
from ddsp_lab._automation import lateness
from ddsp_lab._block import flatten, leaves, nest
from ddsp_lab._errors import DdspLabError
from ddsp_lab._render import PIECE, render_pieces
from ddsp_lab._score import remarks

STEERED = {
    f"{name}-{path}": (block, path, q)
    for name, block in MEMBERS.items()
    for path, q, _ in leaves(block)
    if q.automatable
}
DAILY = set({block: name for name, (block, *_) in reversed(STEERED.items())}.values())  # the first of each block
steered = pytest.mark.parametrize(
    ("block", "path", "param"),
    [pytest.param(*v, id=k, marks=() if k in DAILY else pytest.mark.nightly) for k, v in STEERED.items()],
)


def steered_by(block, path):
    """The block as a function of one parameter's number or curve, the other values, and audio."""
    return lambda c, p, x: block.apply(nest(flatten(p) | {path: c}), x, CTX)


@cache
def player(block, path):
    """Compiled as it is in use: without optimisation a filter with a curve rounds otherwise than one without."""
    return jax.jit(steered_by(block, path))


# --- the law: whoever declares it, takes it


@steered
def test_a_constant_curve_is_the_number(block, path, param):
    play, x = player(block, path), noise(0)
    for u in draws(block, 3 if NIGHTLY else 1):
        p = values(block, u)
        number = flatten(p)[path]
        assert apart(play(jnp.full(SAMPLES, number), p, x), play(number, p, x)) < 2e-6


@steered
def test_a_curve_acts_where_it_changes(block, path, param):
    """Up to the sample at which a curve steps, all is as before; from there on it is not; and pieces are the whole."""
    play, step, at = player(block, path), jax.jit(block.step), SAMPLES // 2
    changed = 0.0
    for (k, u), level in product(enumerate(draws(block, 4)), (0.2, 0.02)):
        p, x = values(block, u), noise(k, level=level)
        curve = np.where(np.arange(SAMPLES) < at, param.from_unit(0.2), param.from_unit(0.8)).astype(np.float32)
        whole, low = play(curve, p, x), play(curve[0], p, x)
        assert apart(whole[:, :at], low[:, :at]) < 2e-6
        changed = max(changed, apart(whole[:, at:], low[:, at:]))
        state, pieces = block.init(2, CTX), []
        for first, last in pairwise(CUTS):
            now = nest(flatten(p) | {path: curve[first:last]})
            state, y = step(now, state, x[:, first:last], Context(SR, jnp.float32(first / SR)))
            pieces.append(y)
        assert apart(np.concatenate(pieces, axis=1), whole) < 1e-6
    assert changed > 1e-3


@steered
def test_the_gradient_of_a_curve_is_a_finite_difference(block, path, param, x64):
    if block.surrogate_gradient:
        return  # it has none for curves
    f, rng, smooth = steered_by(block, path), np.random.default_rng(0), 0
    both = jit(lambda c, dc, p, x: jax.jvp(lambda c: f(c, p, x), (c,), (dc,)))
    pull = jit(lambda c, w, p, x: jax.vjp(lambda c: f(c, p, x), c)[1](w)[0])
    for u in draws(block, 3 if NIGHTLY else 1):
        p = jax.tree.map(lambda v: jnp.asarray(v, jnp.float64), Space(block).decode(u))
        x, curve = noise(0).astype(np.float64), param.from_unit(rng.uniform(0.2, 0.8, SAMPLES))
        toward = (param.from_unit(0.6) - param.from_unit(0.5)) * rng.standard_normal(SAMPLES)
        wanted, again = differences(lambda h: both(curve + h * toward, toward, p, x)[0], 1e-5)  # noqa: B023
        y, pushed = both(curve, toward, p, x)
        scale = np.linalg.norm(wanted) + 1e-4 * np.linalg.norm(y)
        if np.linalg.norm(again - wanted) > 5e-6 * scale:
            continue
        smooth += 1
        assert np.linalg.norm(pushed - wanted) < 1e-5 * scale
        w = rng.standard_normal(wanted.shape)
        assert abs(np.vdot(pull(curve, w, p, x), toward) - np.vdot(w, wanted)) < 1e-5 * scale
    assert smooth


@pytest.mark.parametrize("name", ["gain-gain_db", "delay-mix", "mix-mix", "parallel-weights.delay"])
def test_what_is_said_to_take_a_curve_does(name):
    assert name in STEERED


# --- how curves travel


def test_a_curve_is_one_value_a_sample_over_all_pieces():
    x, curve = noise(1, (2, 2 * PIECE + 1000)), np.linspace(-20.0, 6.0, 2 * PIECE + 1000)
    wanted = 10.0 ** (curve / 20.0) * x
    assert apart(render(parse("gain"), {"gain_db": curve}, x, SR), wanted) < 1e-5
    assert apart(render(parse("gain >> gain"), {"gain_2": {"gain_db": jnp.asarray(curve)}}, x, SR), wanted) < 1e-5
    pieces = (x[:, first:last] for first, last in pairwise([0, 5, 70_000, 70_001, x.shape[1]]))
    streamed = np.concatenate(list(render_pieces(parse("gain"), {"gain_db": curve}, pieces, 2, SR)), axis=1)
    np.testing.assert_array_equal(streamed, render(parse("gain"), {"gain_db": curve}, x, SR))


@pytest.mark.parametrize(
    ("text", "path", "late"),
    [
        ("soft_clip >> gain", "gain.gain_db", 64),
        ("soft_clip >> amp=(soft_clip >> gain) >> gain", "amp.gain.gain_db", 128),
        ("soft_clip >> (0.5 * soft_clip + 0.5 * gain)", "parallel.gain.gain_db", 64),
        ("soft_clip >> (0.5 * soft_clip + 0.5 * gain)", "parallel.weights.gain", 128),
        ("soft_clip >> mix(soft_clip)", "mix.mix", 128),
        ("soft_clip >> mix(gain)", "mix.gain.gain_db", 64),
        ("soft_clip", "drive_db", 32),
    ],
)
def test_a_curve_is_as_late_as_the_sound_where_it_acts(text, path, late):
    assert dict(lateness(parse(text), SR))[path] == late


@pytest.mark.parametrize("traced", [False, True])
def test_a_curve_belongs_to_the_recording_behind_links_that_are_late(traced):
    chain, x = parse("soft_clip >> gain >> soft_clip(oversample=1)"), noise(2, (1, 3000))
    curve = np.where(np.arange(3000) < 1500, 0.0, -60.0).astype(np.float32)
    play = jax.jit(lambda c: render(chain, {"gain.gain_db": c}, x, SR)) if traced else None
    y = np.asarray(play(curve)) if play else render(chain, {"gain.gain_db": curve}, x, SR)
    np.testing.assert_allclose(y[:, :1500], render(chain, {}, x, SR)[:, :1500], atol=1e-6)
    assert np.abs(y[:, 1500:]).max() < 0.01
    assert np.abs(y[:, 1490:1500]).max() > 0.1


def test_gradients_flow_into_a_curve():
    """A fade is found from the faded sound alone."""
    chain, x = parse("soft_clip(oversample=1) >> gain"), noise(3, (1, 500))
    fade = np.linspace(0.0, -20.0, 500).astype(np.float32)
    wanted = render(chain, {"gain.gain_db": fade}, x, SR)

    def loss(curve):
        return jnp.sum((render(chain, {"gain": {"gain_db": curve}}, x, SR) - wanted) ** 2)

    step = jax.jit(jax.grad(loss))
    assert np.abs(step(fade)).max() < 1e-6
    slope = step(fade + 1.0)
    assert slope.shape == (500,)
    assert (slope[np.abs(wanted[0]) > 0.01] > 0.0).all()
    many = jax.vmap(lambda c: render(chain, {"gain.gain_db": c}, x, SR))(jnp.stack([fade, 0.0 * fade]))
    np.testing.assert_allclose(many[0], wanted, atol=1e-6)


# --- what is refused


def refused(code, said, call, *arguments):
    with pytest.raises(DdspLabError) as caught:
        call(*arguments)
    assert caught.value.code == code
    for part in said:
        assert part in f"{caught.value.message} {caught.value.remedy}"


def spoiled(values, at, what):
    values = np.array(values, np.float64)
    values[at] = what
    return values


@pytest.mark.parametrize(
    ("code", "said", "values"),
    [
        ("curve-length", ("gain.gain_db", "99 values", "100 samples", "Give 100"), {"gain.gain_db": np.zeros(99)}),
        ("curve-length", ("gain.gain_db", "101 values"), {"gain": {"gain_db": [0.0] * 101}}),
        ("curve-length", ("gain.gain_db", "0 values"), {"gain.gain_db": []}),
        ("parameter-bounds", ("gain.gain_db[7]=99.0", "-60 to 24 dB"), {"gain.gain_db": spoiled([0] * 100, 7, 99)}),
        ("parameter-bounds", ("gain.gain_db[99]=nan",), {"gain.gain_db": spoiled([0] * 100, 99, np.nan)}),
        ("parameter-bounds", ("gain.gain_db[0]=-inf",), {"gain.gain_db": spoiled([0] * 100, 0, -np.inf)}),
        ("parameter-shape", ("delay.feedback", "delay.mix"), {"delay.feedback": np.zeros(100)}),
        ("parameter-shape", ("gain.gain_db",), {"gain.gain_db": np.zeros((2, 100))}),
        ("parameter-shape", ("gain.gain_db",), {"gain.gain_db": ["loud"] * 100}),
        ("parameter-shape", ("gain.gain_db",), {"gain.gain_db": [[0.0], [0.0, 1.0]]}),
        ("unknown-parameter", ("gain.gain",), {"gain.gain": np.zeros(100)}),
    ],
)
def test_bad_curves_are_refused(code, said, values):
    chain = parse("delay >> gain")
    refused(code, said, render, chain, values, noise(0, (100,)), SR)
    if code == "curve-length" or "delay.feedback" in values:  # under a transformation too: shapes are known there
        arrays = {path: jnp.asarray(v) for path, v in flatten(values).items()}
        refused(code, said, jax.jit(lambda x: render(chain, arrays, x, SR)), noise(0, (100,)))


@pytest.mark.parametrize("samples", [99, 101])
def test_a_stream_ends_where_its_curve_does(samples):
    pieces = (noise(0, (1, 50)) for _ in range(2))
    values = {"gain_db": np.zeros(samples)}
    refused("curve-length", (f"{samples} values", "100"), list, render_pieces(parse("gain"), values, pieces, 1, SR))


def test_spaces_and_presets_hold_numbers():
    curve = {"gain_db": np.zeros(100)}
    for hold in (lambda: Space(parse("gain"), start=curve), lambda: Preset.of(parse("gain"), curve, SR)):
        refused("parameter-shape", ("gain_db", "one number", "render takes a curve"), hold)


def test_a_row_of_controls_takes_no_curve():
    with pytest.raises(ValueError, match="row"):
        Param("gain_db", 0.0, 1.0, default=0.0, shape=(2,), automatable=True)


# --- values that the sample rate, or nothing at all, can carry


def test_a_frequency_beyond_the_sample_rate_is_taken_lower_and_said_so():
    chain, values = parse("gain >> eq=parametric_eq(bands=2)"), {"eq": {"cutoff_hz": [100.0, 15_000.0]}}
    ((code, text),) = remarks(chain, values, SR)
    assert code == "rate-clamped"
    assert text == "eq.cutoff_hz=15000 Hz is more than 8000 Hz can carry: taken as 3920 Hz."
    assert remarks(chain, values, 48_000) == []
    at_top = {"eq": {"cutoff_hz": [100.0, 0.49 * SR], "gain_db": 6.0}}
    x = noise(0)
    values["eq"]["gain_db"] = 6.0
    np.testing.assert_array_equal(render(chain, values, x, SR), render(chain, at_top, x, SR))


def test_the_command_line_says_so(tmp_path):
    dl.audio.save(tmp_path / "in.wav", noise(0, (1, SR)), SR)
    Preset.of(parse("parametric_eq(bands=1, cutoff_hz=15000)"), {}, 48_000).save(tmp_path / "bright.json")
    told = cli("render", tmp_path / "in.wav", tmp_path / "bright.json", "-o", tmp_path / "out.wav")
    assert told.exit_code == 0
    assert told.stderr == "note rate-clamped: cutoff_hz=15000 Hz is more than 8000 Hz can carry: taken as 3920 Hz.\n"
    (note,) = cli_json("render", tmp_path / "in.wav", tmp_path / "bright.json", "-o", tmp_path / "out.wav")["notes"]
    assert note["code"] == "rate-clamped"


def test_a_fit_says_so_too():
    x = noise(0, (1, SR))
    result = dl.fit(
        "parametric_eq(bands=1, cutoff_hz=15000)", x, x, SR, frozen=["cutoff_hz", "q"], budget=4, align=False
    )
    assert [code for code, _ in result.notes] == ["rate-clamped", "optimizer-chosen"]


@pytest.mark.parametrize(
    ("text", "path", "value", "allowed"),
    [
        ("delay", "delay.time_ms", 2500.0, "1 to 2000 ms"),
        ("delay", "delay.feedback", 1.0, "0 to 0.95"),
        ("comb", "comb.feedback", 1.0, "0.95"),
        ("ping_pong_delay", "ping_pong_delay.feedback", 1.5, "0.95"),
        ("flanger", "flanger.feedback", -1.0, "-0.95"),
        ("plate", "plate.predelay_ms", 201.0, "0.1 to 200 ms"),
        ("reverb_fdn", "reverb_fdn.decay_s", 21.0, "0.1 to 20 s"),
        ("parametric_eq(bands=1)", "parametric_eq.cutoff_hz", 30_000.0, "Hz"),
    ],
)
def test_what_nothing_could_carry_is_refused(text, path, value, allowed):
    name = path.split(".")[1]
    chain = parse(text) >> parse("gain")
    refused("parameter-bounds", (path, str(value), allowed), render, chain, {path: value}, noise(0), SR)
    refused("parameter-bounds", (name, allowed), parse, f"{text.split('(')[0]}({name}={value})")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reverb_fdn(size_ms=600)", "<= 500"),
        ("noise_reverb(length_s=30)", "<= 20"),
        ("limiter(lookahead_ms=51)", "<= 50"),
        ("compressor(lookahead_ms=-1)", ">= 0"),
    ],
)
def test_a_buffer_longer_than_allowed_is_refused(text, said):
    refused("bad-setting", (said, "The default is"), parse, text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("limiter(lookahead_ms=50)", "limiter.lookahead_ms=50"),
        ("gain >> a=compressor(lookahead_ms=50)", "a.lookahead_ms=50"),
        ("gain >> mix(limiter(lookahead_ms=50))", "mix.limiter.lookahead_ms=50"),
    ],
)
def test_no_block_looks_further_ahead_than_the_recording_goes(text, path):
    chain, x = parse(text), noise(0, (1, 401))
    said = (path, "400 samples at 8000 Hz", "has 400", "less than 50 ms")
    refused("lookahead-length", said, render, chain, {}, x[:, 1:], SR)
    refused("lookahead-length", said, lambda: dl.fit(chain, x[:, 1:], x[:, 1:], SR, align=False, budget=1))
    assert render(chain, {}, x, SR).shape == x.shape
