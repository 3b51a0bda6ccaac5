"""What every synth promises, measured on each member of the registry: a new synth file gets it all as it is."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blocks import SYNTHS, apart, decoded, draws, switched, values
from helpers import NIGHTLY, jit

import ddsp_lab as dl
from ddsp_lab import Block, Context, Preset, Space, ops_per_sample, parse, render
from ddsp_lab._block import leaves

SR, LENGTH_S = 16_000, 0.4
MANY = 1000 if NIGHTLY else 40
CTX = Context(SR)
VARIANTS = SYNTHS | {f"{k}-{what}": v for k, b in SYNTHS.items() for what, v in switched(b)}
every = pytest.mark.parametrize("block", SYNTHS.values(), ids=SYNTHS)
HEARING = {k: v for k, v in SYNTHS.items() if type(v).estimate is not Block.estimate}
every_that_hears = pytest.mark.parametrize("block", HEARING.values(), ids=HEARING)
every_variant = pytest.mark.parametrize("block", VARIANTS.values(), ids=VARIANTS)
ONE = dl.notes([(0.01, 0.2, 57.3, 0.8)], LENGTH_S)
TWO = dl.notes([(0.01, 0.1, 57.3, 0.8), (0.203, 0.15, 64.0, 0.4)], LENGTH_S)


def played(block, u, given):
    return np.asarray(player(block)(values(block, u), given))


def player(block, programs={}):  # noqa: B006 - one program a block for all laws
    return programs.setdefault(block, jax.jit(lambda p, given: block.apply(p, given, CTX)))


@every
def test_file_class_and_registry_agree_on_the_name(block):
    cls = type(block)
    assert cls.__name__ == "".join(word.capitalize() for word in block.name.split("_"))
    assert cls.__module__ == f"ddsp_lab.synths.{block.name}"
    assert getattr(dl.synths, cls.__name__) is cls
    assert cls.__doc__
    assert block == dataclasses.replace(block)
    assert hash(block) == hash(dataclasses.replace(block))


@every_variant
def test_gives_one_finite_channel_as_long_as_the_notes(block):
    assert block.channels_out(1) == 1
    for u in [*draws(block, 6), np.zeros(Space(block).size), np.ones(Space(block).size)]:
        y = played(block, u, TWO)
        assert y.shape == (1, round(LENGTH_S * SR))
        assert y.dtype == np.float32
        assert np.isfinite(y).all()


@every_variant
def test_what_is_random_is_declared_and_can_be_muted(block):
    """Its wave follows from its parameters but for `noise`, unless it is declared not to be `in_phase`."""
    render_at = jax.jit(lambda p, key: block.apply(p, ONE, Context(SR, key=key)))

    def differ(noise):
        p = Space(block).complete({q.name: noise(q) for q in block.params if q.name in block.noise})
        return bool((render_at(p, jax.random.key(1)) != render_at(p, jax.random.key(2))).any())

    assert differ(lambda q: q.low) != block.in_phase
    assert differ(lambda q: q.high) == bool(block.noise or not block.in_phase)


@every
def test_sounds_at_its_start_values_and_not_before_its_note(block):
    y = played(block, Space(block).start, ONE)
    assert 1e-3 < np.abs(y).max() < 4.0
    assert np.abs(y[:, : int(0.01 * SR)]).max() < 1e-6


@every
def test_it_has_died_away_where_its_buffer_ends(block):
    """With everything that makes it long at its longest."""
    space, brief = Space(block), dl.notes([(0.0, 0.05, 57.0, 0.8)], block.tail_s + 0.5)
    long = np.array([any(word in name for word in ("decay", "release", "sustain")) for name in space.names])
    y = np.abs(render(block, space.decode(np.where(long, 1.0, space.start)), brief, SR)[0])
    end = int((brief.longest_s + block.tail_s) * SR)
    assert y[end - SR // 50 : end].max() < 2e-3 * y.max()


@every
def test_notes_add_up(block):
    u = draws(block, 1)[0]
    rows = jax.tree.map(lambda v: v, TWO)
    alone = [played(block, u, jax.tree.map(lambda v, i=i: v[i : i + 1], rows)) for i in range(2)]
    assert apart(played(block, u, TWO), alone[0] + alone[1]) < 1e-4


@every
def test_a_later_note_sounds_the_same_later(block):
    """Also at a fraction of a sample, and the same seed gives the same noise."""
    u, late = draws(block, 1)[0], 640
    y = played(block, u, ONE)
    moved = played(block, u, dl.notes([(0.01 + late / SR, 0.2, 57.3, 0.8)], LENGTH_S))
    assert apart(moved[:, late:], y[:, :-late]) < 1e-3


@every
def test_pieces_are_the_whole(block, monkeypatch):
    monkeypatch.setattr("ddsp_lab._render.PIECE", 1500)
    u = draws(block, 1)[0]
    p = Space(block).decode(u)
    assert apart(render(block, p, TWO, SR), played(block, u, TWO)) < 1e-3
    for path, q in [(path, q) for path, q, _ in leaves(block) if q.automatable][:1]:
        curve = np.asarray(q.from_unit(np.linspace(0.2, 0.6, TWO.samples(SR))), np.float32)
        whole = np.asarray(jit(lambda v, path=path: render(block, p | {path: v}, TWO, SR))(curve))
        assert apart(render(block, p | {path: curve}, TWO, SR), whole) < 5e-3, path


@every
def test_a_population_is_a_loop(block):
    us = draws(block, 3)
    ps = jax.tree.map(lambda *v: np.stack(v), *[values(block, u) for u in us])
    together = np.asarray(jax.vmap(lambda p: player(block)(p, ONE))(ps))
    for u, y in zip(us, together, strict=True):
        assert apart(y, played(block, u, ONE)) < 1e-4


@every
def test_no_parameter_is_dead(block):
    layout = Space(block).layout
    points = draws(block, 200 * int(np.prod(layout.levels[layout.categorical])))  # some are heard in few settings only
    for k, name in enumerate(Space(block).names):
        low, high = points.copy(), points.copy()
        low[:, k], high[:, k] = 0.1, 0.9
        changes = (apart(played(block, a, TWO), played(block, b, TWO)) for a, b in zip(low, high, strict=True))
        assert any(change > 1e-3 for change in changes), f"{name} does nothing"


@every
def test_gradients_are_finite_everywhere(block):
    """At the start, the corners and the ends of every range, and anywhere."""
    space, w = Space(block), np.random.default_rng(0).choice(np.float32([-1, 1]), round(LENGTH_S * SR))
    slope = jax.jit(jax.grad(lambda u: jnp.vdot(w, block.apply(decoded(block, u), TWO, CTX)[0])))
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 2, (MANY // 2, space.size)).astype(np.float32)
    points = [space.start, np.zeros(space.size), np.ones(space.size), *corners, *rng.uniform(size=(MANY, space.size))]
    for u in points:
        assert np.isfinite(np.asarray(slope(np.asarray(u, np.float32)))).all(), u


@every
def test_curves_reach_the_voices(block):
    moved = [(path, q) for path, q, _ in leaves(block) if q.automatable and q.shape == ()]
    for path, q in moved if NIGHTLY else moved[:: max(1, len(moved) // 2)]:
        value = float(q.from_unit(0.4))
        flat = render(block, {path: np.full(round(LENGTH_S * SR), value)}, ONE, SR)
        assert apart(flat, render(block, {path: value}, ONE, SR)) < 2e-2, path
        ramp = np.asarray(q.from_unit(np.linspace(0.2, 0.9, round(LENGTH_S * SR))), float)
        assert apart(render(block, {path: ramp}, ONE, SR), flat) > 1e-3 or path in _asleep(block), path


@pytest.mark.nightly
def test_a_synced_oscillator_keeps_the_laws(monkeypatch):
    """A setting that adds a parameter."""
    block = parse("oscillator(sync=true)")
    test_no_parameter_is_dead(block)
    test_gradients_are_finite_everywhere(block)
    test_curves_reach_the_voices(block)
    test_pieces_are_the_whole(block, monkeypatch)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("additive(partials=8, shaped=3, knots=3)", marks=pytest.mark.nightly),
        "filtered_noise(bands=4, knots=3)",
    ],
)
def test_levels_that_move_between_knots_keep_the_laws(text):
    """A setting that changes a parameter for another."""
    block = parse(text)
    test_gives_one_finite_channel_as_long_as_the_notes(block)
    test_no_parameter_is_dead(block)
    test_gradients_are_finite_everywhere(block)
    test_estimates_are_within_bounds(block)
    test_an_estimate_is_nearer_than_the_start(block)


def _asleep(block):
    """What does nothing at the start values."""
    y = played(block, Space(block).start, ONE)
    moved = {path: render(block, {path: q.high}, ONE, SR) for path, q, _ in leaves(block) if q.shape == ()}
    return {path for path, z in moved.items() if apart(z, y) < 1e-3}


@every
def test_a_preset_gives_the_same_audio(block):
    preset = Preset.of(block, Space(block).decode(draws(block, 1)[0]), SR)
    read = Preset.parse(preset.text().encode())
    assert read == preset
    np.testing.assert_array_equal(read.render(TWO, SR), preset.render(TWO, SR))


@every_variant
def test_its_text_reads_back(block):
    assert parse(str(block)) == block
    assert parse(str(block.named("another"))) == block.named("another")


@every
def test_it_has_a_cost(block):
    assert 0.0 < ops_per_sample(block) < 1e6


@every_that_hears
def test_estimates_are_within_bounds(block):
    space, noise = Space(block), np.random.default_rng(0).standard_normal((1, round(LENGTH_S * SR)))
    sounds = [played(block, u, TWO) for u in draws(block, 4 if NIGHTLY else 1)]
    nothing = [0.0 * noise, noise[:, :3], np.full_like(noise, 0.1), np.sin(np.arange(noise.size))[None]]
    for reference in (*sounds, *nothing, noise, np.concatenate([noise, -noise])):
        guesses = block.estimate(TWO, reference, CTX)
        assert guesses or reference is not noise
        if NIGHTLY or reference is sounds[0] or reference is noise:
            guesses += block.estimate(TWO, reference, CTX, space.decode(space.start))
        for guess in guesses:
            known = space.known(guess)
            assert all(np.isfinite(v).all() and np.shape(v) == space.params[k].shape for k, v in known.items())


@every_that_hears
def test_an_estimate_is_nearer_than_the_start(block):
    space = Space(block)
    start = played(block, space.start, ONE)

    def levels_db(y):
        return 20.0 * np.log10(np.abs(np.fft.rfft(y[0].reshape(-1, 640) * np.hanning(640))) + 1e-3)

    gains = []
    for u in draws(block, 12 if NIGHTLY else 4):
        reference = played(block, u, ONE)
        guesses = [played(block, space.moved(space.start, g), ONE) for g in block.estimate(ONE, reference, CTX)]
        nearest = min(np.abs(levels_db(reference) - levels_db(y)).mean() for y in (*guesses, np.zeros_like(start)))
        gains.append(nearest / np.abs(levels_db(reference) - levels_db(start)).mean())
    assert np.median(gains) < 0.6
