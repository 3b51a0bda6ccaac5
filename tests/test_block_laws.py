"""What every block promises, measured on each member of the registry: a new effect file gets it all as it is."""

import dataclasses
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blocks import (
    CTX,
    CUTS,
    SAMPLES,
    SR,
    apart,
    by_itself,
    correlation,
    draws,
    every,
    every_and_by_night_its_variants,
    every_variant,
    every_with_its_own,
    jit_of,
    noise,
    play,
    player,
    switched,
    values,
)
from helpers import NIGHTLY, jit
from scipy.signal import lfilter

import ddsp_lab as dl
from ddsp_lab import Block, Context, Preset, Space, _cost, ops_per_sample, parse, render
from ddsp_lab._block import leaves
from ddsp_lab._space import starting_values

# --- what a block is


@every_variant
def test_is_frozen_hashable_and_comparable(block):
    same = dataclasses.replace(block)
    assert same == block
    assert hash(same) == hash(block)
    assert block.named("another") != block
    assert all(other != block for _, other in switched(block))
    assert "__dataclass_fields__" in vars(type(block)), "the class statement lacks @dataclass(frozen=True)"
    for field in dataclasses.fields(block):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(block, field.name, getattr(block, field.name))


@every
def test_file_class_and_registry_agree_on_the_name(block):
    cls = type(block)
    assert cls.__name__ == "".join(word.capitalize() for word in block.name.split("_"))
    if block.family == "wrappers":
        assert cls.__module__ == f"ddsp_lab._{block.name}"
    else:
        assert cls.__module__ == f"ddsp_lab.{block.family}.{block.name}"
        assert getattr(getattr(dl, block.family), cls.__name__) is cls


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_and_physical_values_map_to_each_other(block, dtype):
    u = np.linspace(0.0, 1.0, 33, dtype=dtype)
    for path, q, _ in leaves(block):
        p = np.asarray(q.from_unit(u))
        tolerance = 20 * np.finfo(dtype).eps * max(1.0, max(abs(q.low), abs(q.high)) / (q.high - q.low))
        cell = 0.5 / q.levels if q.levels else 0.0  # a whole number stands for all of its cell
        np.testing.assert_allclose(q.to_unit(p), u, atol=cell + tolerance, err_msg=path)
        np.testing.assert_allclose(p[[0, -1]], [q.low, q.high], rtol=20 * np.finfo(dtype).eps, err_msg=path)
        assert (np.diff(p) >= 0.0).all() if q.levels else (np.diff(p) > 0.0).all()
        assert all(q.low <= q.check(np.broadcast_to(v, q.shape), path).min() <= q.high for v in p)


@every
def test_points_and_values_map_to_each_other(block):
    space = Space(block)
    discrete = space.layout.levels > 0
    for u in draws(block, 4):
        values = space.decode(u)
        again = space.encode(values)
        np.testing.assert_allclose(again[~discrete], u[~discrete], atol=1e-5)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), space.decode(again), values)


# --- what comes out


@every_and_by_night_its_variants
def test_gives_as_many_channels_as_declared(block):
    p = values(block, Space(block).start)
    for n in (1, 3):  # two are played below
        y = jax.eval_shape(lambda p, x: block.apply(p, x, CTX), p, noise(0, (n, SAMPLES)))
        assert y.shape == (block.channels_out(n), SAMPLES)


@every_variant
def test_gives_finite_float32_of_the_declared_shape(block):
    gives_finite_float32(block, 2)


@every
@pytest.mark.parametrize("channels", [1, pytest.param(3, marks=pytest.mark.nightly)])
def test_gives_finite_float32_with_other_channels(block, channels):
    gives_finite_float32(block, channels)


def gives_finite_float32(block, channels):
    x = noise(0, (channels, SAMPLES))
    for u in draws(block, 8):
        y = play(block, u, x)
        assert y.shape == (block.channels_out(channels), SAMPLES)
        assert y.dtype == np.float32
        assert np.isfinite(y).all()


@every
def test_compiled_is_eager(block):
    u, x = draws(block, 1)[0], noise(0)
    assert apart(np.asarray(block.apply(values(block, u), jnp.asarray(x), CTX)), play(block, u, x)) < 2e-6


@every
def test_a_population_is_a_loop(block):
    us, xs = draws(block, 3), noise(0, (3, 2, SAMPLES))
    ps = jax.tree.map(lambda *v: np.stack(v), *[values(block, u) for u in us])
    together = np.asarray(jax.vmap(player(block))(ps, xs))
    for u, x, y in zip(us, xs, together, strict=True):
        assert apart(y, play(block, u, x)) < 2e-6


@every
def test_no_parameter_is_dead(block):
    """Wherever a choice does not leave it out."""
    x, layout = noise(0), Space(block).layout
    points = draws(block, 8 * int(np.prod(layout.levels[layout.categorical])))
    for k, name in enumerate(Space(block).names):
        low, high = points.copy(), points.copy()
        low[:, k], high[:, k] = 0.1, 0.9
        changes = (apart(play(block, a, x), play(block, b, x)) for a, b in zip(low, high, strict=True))
        assert any(change > 1e-3 for change in changes), f"{name} does nothing"


@every
def test_streams_in_pieces(block):
    u, x = draws(block, 2)[1], noise(0)
    p, state = values(block, u), block.init(2, CTX)
    step = jit_of(block)(block.step)
    pieces = []
    for first, last in pairwise(CUTS):
        state, y = step(p, state, x[:, first:last], Context(SR, jnp.float32(first / SR)))
        pieces.append(y)
    assert apart(np.concatenate(pieces, axis=1), play(block, u, x)) < 1e-6


@every
def test_silence_stays_silent_unless_it_is_a_source(block):
    if block.family == "synths":
        pytest.fail("a synth needs notes: give it a law of its own")
    loudest = [np.abs(play(block, u, np.zeros((2, SAMPLES), np.float32))).max() for u in draws(block, 8)]
    assert max(loudest) > 1e-6 if block.is_source else max(loudest) < 1e-9


# --- declared facts, measured; both ways, so that nothing true goes undeclared


@every_variant
def test_latency_is_as_declared(block):
    """The first arrival at the start values, as `apply` and as `aligned` give it."""
    x, late = noise(0), block.latency_samples(SR)
    u = Space(block).start
    outputs = [(play(block, u, x), late)]
    if late or type(block).aligned is not Block.aligned:  # which without latency is `apply`
        outputs.append((np.asarray(jit(lambda p, x: block.aligned(p, x, CTX))(values(block, u), x)), 0))
    for y, expected in outputs:
        heard = np.abs(correlation(x, y))
        assert np.flatnonzero(heard > 0.5 * heard.max())[0] == expected


@every_variant
def test_linearity_is_as_declared(block):
    a, b = noise(1), noise(2)
    worst = max(
        apart(play(block, u, a + 0.5 * b), play(block, u, a) + 0.5 * play(block, u, b)) for u in draws(block, 6)
    )
    assert worst < 1e-5 if block.linear else worst > 1e-3


@every_variant
def test_time_invariance_is_as_declared(block):
    x, by = noise(1), 300
    moved = np.pad(x, ((0, 0), (by, 0)))[:, :SAMPLES]
    worst = max(apart(play(block, u, moved)[:, by:], play(block, u, x)[:, :-by]) for u in draws(block, 6))
    assert worst < 1e-5 if block.time_invariant else worst > 1e-3


@every_variant
def test_memory_is_as_declared(block):
    """What a click changes at other times, in noise and in faint noise, which an expander takes for silence."""
    pulse = np.zeros((2, SAMPLES), np.float32)
    pulse[:, 900] = 1.0
    elsewhere, worst = pulse[0] == 0.0, 0.0
    for u in draws(block, 6):
        for x in (noise(1), noise(1, level=0.01)):
            y, z = play(block, u, x), play(block, u, x + pulse)
            worst = max(worst, apart(z[:, elsewhere], y[:, elsewhere]))
            assert apart(y[:, :900], z[:, :900]) < 1e-6, "it hears the future"
    assert worst < 1e-6 if block.memoryless else worst > 1e-3


@every_variant
def test_coupling_of_channels_is_as_declared(block):
    x = noise(1)
    worst = 0.0
    for u in draws(block, 6):
        y = play(block, u, x)
        # beside silence, not on its own: one channel may be taken for a place between left and right
        alone = np.stack([play(block, u, x * np.eye(2, dtype=np.float32)[i][:, None])[i] for i in range(2)])
        worst = max(worst, apart(alone, y))
    assert worst > 1e-3 if block.couples_channels else worst < 1e-5


@every_variant
def test_affine_parameters_are_as_declared(block):
    """The output half way is the mean of the ends'; every `mix` is such a parameter."""
    x, space = noise(5), Space(block)
    names = np.array([path.rsplit(".", 1)[-1] for path, q in space.layout.free for _ in range(int(np.prod(q.shape)))])
    assert space.layout.affine[names == "mix"].all()
    for u in draws(block, 2):
        for i in np.flatnonzero(space.layout.affine):
            low, middle, high = (play(block, np.where(np.arange(u.size) == i, at, u), x) for at in (0.0, 0.5, 1.0))
            assert apart(middle, 0.5 * (low + high)) < 1e-5


@every_variant
def test_polarity_and_echoes_are_as_declared(block):
    """The sign of the first arrival, and whether the loudest comes so much later (20 ms) that no filter is to blame."""
    late = block.latency_samples(SR)
    click = 1e-3 * np.eye(2, SAMPLES, dtype=np.float32)  # too small for a curve to bend
    inverts = echoes = False
    for k, u in enumerate(draws(block, 200)):
        if k >= (200 if NIGHTLY else 60) and (inverts, echoes) == (block.inverts, block.echoes):
            break  # what is declared has been heard, and nothing else in many draws
        h = (play(block, u, click) - by_itself(block, u))[0]
        inverts |= h[late] < 0.0
        echoes |= np.argmax(np.abs(h)) > late + 0.02 * SR
    assert inverts == block.inverts
    assert echoes == block.echoes


# --- what can be done with it


@every
def test_a_preset_gives_the_same_audio(block):
    x = noise(3)
    values = Space(block).decode(draws(block, 1)[0])
    preset = Preset.of(block, values, SR)
    read = Preset.parse(preset.text().encode())
    assert read == preset
    assert read.block == block
    np.testing.assert_array_equal(read.render(x, SR), render(block, values, x, SR))


@every_variant
def test_its_text_reads_back(block):
    assert parse(str(block)) == block
    assert parse(str(block.named("another"))) == block.named("another")
    moved = block.starting_at(**{q.name: np.asarray(q.from_unit(np.full(q.shape, 0.3))) for q in block.params})
    before, after = starting_values(moved), starting_values(parse(str(moved)))
    assert before.keys() == after.keys()
    for path in before:
        np.testing.assert_array_equal(before[path], after[path], err_msg=path)


@every
def test_a_second_call_compiles_nothing(block):
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if event.startswith("/jax/core/compile/") else None
    )
    space = Space(block)
    first, second = (space.decode(u) for u in draws(block, 2))
    render(dataclasses.replace(block), first, noise(1), SR)
    compiled.clear()
    render(dataclasses.replace(block), second, noise(2, (2, SAMPLES - 100)), SR)
    assert compiled == []


def pairs(block):
    """A rendered pair, and recordings from which there is nothing to learn."""
    x, aligned = noise(5, (2, SR)), jit(lambda p, x: block.aligned(p, x, CTX))
    silence = np.zeros_like(x)
    yield "rendered", x, np.asarray(aligned(values(block, draws(block, 1)[0]), x))
    yield "at the start", x, np.asarray(aligned(values(block, Space(block).start), x))
    yield "silence", silence, silence
    yield "from silence", silence, x
    yield "to silence", x, silence
    yield "unrelated", x, noise(6, x.shape)
    for samples in (1, 63):
        yield f"{samples} samples", x[:, :samples], 0.5 * x[:, :samples]


@every_with_its_own("lookalikes")
@pytest.mark.parametrize("beside_dry", [False, True])
def test_lookalikes_do_the_same(block, beside_dry):
    """But for a gain and some dry signal, if that stands beside it."""
    space, x = Space(block), lfilter([0.1], [1.0, -0.9], noise(0)).astype(np.float32)  # as recordings are: dark
    for u in draws(block, 2):
        y = play(block, u, x).ravel()
        for other in block.lookalikes(values(block, u), x, CTX, beside_dry):
            assert {k: v.shape for k, v in space.known(other).items()} == {k: q.shape for k, q in space.params.items()}
            like = np.stack([play(block, space.encode(other), x).ravel(), x.ravel()], axis=1)
            weights = np.linalg.lstsq(like, y)[0] if beside_dry else [1.0, 0.0]
            assert np.sum((y - like @ weights) ** 2) < 0.01 * np.sum(y**2)


@every_with_its_own("estimate")
def test_estimates_are_within_bounds(block):
    space = Space(block)
    for what, x, y in pairs(block):
        guesses = block.estimate(x, y, CTX, space.decode(space.start))
        if what == "rendered":
            assert guesses
            guesses += block.estimate(x, y, CTX)
        for guess in guesses:
            known = space.known(guess)
            assert all(np.shape(v) == space.params[k].shape for k, v in known.items()), what


@every_and_by_night_its_variants
def test_undoing_gives_the_input_back(block):
    x, undone = noise(4), jit_of(block)(lambda p, x, y: block.undo(p, x, y, CTX))
    for u in draws(block, 4):
        back = undone(values(block, u), x, play(block, u, x))
        assert back is None or apart(np.asarray(back), x) < 1e-3


@every
def test_its_cost_is_the_same_at_every_length(block, monkeypatch):
    cost = ops_per_sample(block, channels=2)
    assert 0.0 < cost < np.inf
    monkeypatch.setattr(_cost, "SIZES", (1 << 16, 1 << 18))
    assert ops_per_sample(block, channels=2) == pytest.approx(cost, rel=0.03)
