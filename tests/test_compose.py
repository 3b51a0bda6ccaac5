"""The algebra of chains: what the operators build, how links are named, and that branches add up in phase."""

import abc
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ddsp_lab import Block, Context, DdspLabError, Mix, Series, Space, parse, render
from ddsp_lab._separate import played
from ddsp_lab._space import starting_values
from ddsp_lab.effects import Compressor, Delay, Gain, ParametricEq, SoftClip

SR = 8000
CTX = Context(SR)
EQ, CLIP, GAIN, DELAY, COMP = ParametricEq(2), SoftClip(), Gain(), Delay(), Compressor()
CLEAN = CLIP.starting_at(drive_db=0.0)  # of small signals: themselves, 64 samples late


def noise(seed, samples=4000, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal((2, samples))).astype(np.float32)


def low_noise(seed):
    """Below a quarter of the sample rate, where the oversampling filters are flat."""
    spectrum = np.fft.rfft(noise(seed, level=1e-3))
    spectrum[:, spectrum.shape[1] // 2 :] = 0.0
    return np.fft.irfft(spectrum).astype(np.float32)


def apart(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def start(chain):
    return {k: v.tolist() for k, v in starting_values(chain).items()}


# --- what the operators build


def test_series_is_associative_and_flat():
    flat = Series((EQ, CLIP, GAIN, DELAY))
    assert (EQ >> CLIP) >> (GAIN >> DELAY) == EQ >> (CLIP >> GAIN) >> DELAY == flat
    assert Series((EQ, Series((CLIP, Series((GAIN,)))), DELAY)) == flat
    assert EQ >> CLIP != CLIP >> EQ


def test_a_labelled_series_stays_whole():
    chain = EQ >> (CLIP >> GAIN).named("amp") >> DELAY
    assert list(chain.children) == ["parametric_eq", "amp", "delay"]
    assert "amp.soft_clip.drive_db" in Space(chain).params


def test_sums_unfold_and_weights_multiply_through():
    chain = 2 * (0.5 * CLIP - 0.25 * (0.5 * GAIN + DELAY * 2)) + 0.7 * EQ
    assert chain.blocks == (CLIP, GAIN, DELAY, EQ)
    assert chain.weights == (1.0, -0.25, -1.0, 0.7)
    assert (-GAIN).weights == (-1.0,)
    assert (CLIP - 0.5 * GAIN).weights == (None, -0.5)


def test_a_branch_without_a_number_starts_at_an_equal_share():
    assert start(CLIP + GAIN + 0.9 * DELAY)["weights.gain"] == pytest.approx(1 / 3)
    assert start(CLIP + GAIN + 0.9 * DELAY)["weights.delay"] == 0.9
    nested = 0.5 * (CLIP + GAIN)  # its shares cannot be multiplied through before they are known
    assert start(nested)["weights.parallel"] == 0.5
    assert start(nested)["parallel.weights.gain"] == 0.5


def test_weights_are_bounded_parameters():
    space = Space(0.5 * CLIP - 1.5 * GAIN, frozen=("soft_clip", "gain"))
    assert space.names == ["weights.soft_clip", "weights.gain"]
    for corner, weight in ((0.0, -2.0), (1.0, 2.0)):
        values = space.decode(np.full(2, corner))["weights"]
        assert [float(v) for v in values.values()] == [weight, weight]
    np.testing.assert_allclose(space.start, [0.625, 0.125])
    for beyond in (lambda: 2.01 * GAIN, lambda: GAIN * -3, lambda: 2 * (1.5 * CLIP + 0.5 * GAIN)):
        with pytest.raises(DdspLabError, match="-2 to 2") as error:
            beyond()
        assert error.value.code == "parameter-bounds"


def test_links_are_named_by_block_label_and_number():
    assert list((GAIN >> GAIN >> EQ >> GAIN).children) == ["gain", "gain_2", "parametric_eq", "gain_3"]
    assert list((GAIN >> GAIN.named("gain_2") >> GAIN).children) == ["gain", "gain_2", "gain_3"]
    assert list((GAIN.named("trim") + GAIN).children) == ["trim", "gain"]
    assert list(Mix(GAIN.named("wet")).children) == ["wet"]
    with pytest.raises(DdspLabError, match="'trim'"):
        GAIN.named("trim") >> EQ.named("trim")


def test_start_values_stand_in_the_text():
    summed = (0.7 * CLIP + GAIN.named("dry")).starting_at(**{"weights.dry": -0.25})
    assert str(summed) == "0.7 * soft_clip - 0.25 * dry=gain"
    assert start(summed)["weights.soft_clip"] == 0.7
    assert (
        str(COMP.starting_at(ratio=4) >> Mix(DELAY).starting_at(mix=0.2))
        == "compressor(ratio=4) >> mix(delay, mix=0.2)"
    )
    with pytest.raises(DdspLabError, match="Did you mean 'ratio'"):
        COMP.starting_at(ration=4)


@st.composite
def chains(draw, depth=3):
    """Any chain of at most eight links."""
    kind = draw(st.sampled_from([">>", "+", "-", "*", "mix", "label"])) if depth else "link"
    if kind == "link":
        return draw(st.sampled_from([EQ, CLIP, GAIN, DELAY, SoftClip(oversample=1), COMP.starting_at(ratio=4.5)]))
    part = draw(chains(depth - 1))
    if kind in ("*", "mix", "label"):
        weight = draw(st.integers(-100, 100)) / 100
        return weight * part if kind == "*" else Mix(part) if kind == "mix" else part.named(f"part{depth}")
    other = draw(chains(depth - 1))
    assume(not part.label or part.label != other.label)
    return part >> other if kind == ">>" else part + other if kind == "+" else part - other


@given(chains())
def test_any_chain_reads_back_from_its_text(chain):
    again = parse(str(chain))
    assert again == chain
    assert start(again) == start(chain)
    assert hash(again) == hash(chain)


# --- what comes out


def test_series_applies_one_after_the_other():
    x = noise(0)
    one_by_one = render(GAIN, {"gain_db": -6.0}, render(DELAY, {"time_ms": 20.0}, x, SR), SR)
    np.testing.assert_array_equal(
        render(DELAY >> GAIN, {"delay": {"time_ms": 20.0}, "gain": {"gain_db": -6.0}}, x, SR), one_by_one
    )


def test_a_sum_is_the_weighted_sum():
    x = noise(0)
    parts = 0.3 * render(EQ, {"gain_db": [6.0, -6.0]}, x, SR) - 1.2 * render(DELAY, {"time_ms": 20.0}, x, SR)
    values = {"parametric_eq": {"gain_db": [6.0, -6.0]}, "delay": {"time_ms": 20.0}}
    assert apart(render(0.3 * EQ - 1.2 * DELAY, values, x, SR), parts) < 1e-6
    np.testing.assert_array_equal(render(-GAIN, {}, x, SR), -x)


@pytest.mark.parametrize("mix", [0.0, 0.25, 1.0])
def test_mix_crosses_from_dry_to_wet(mix):
    x = noise(0)
    wet = render(DELAY, {"time_ms": 20.0}, x, SR)
    assert apart(render(Mix(DELAY), {"mix": mix, "delay": {"time_ms": 20.0}}, x, SR), (1 - mix) * x + mix * wet) < 1e-6


@pytest.mark.parametrize(
    ("chain", "late"),
    [
        (0.5 * CLEAN + 0.5 * GAIN, 64),
        (0.5 * GAIN + 0.5 * CLEAN, 64),
        (0.25 * GAIN + 0.25 * CLEAN + 0.5 * (CLEAN >> CLEAN), 128),
        (Mix(CLEAN), 64),
        (Mix(CLEAN) >> (0.5 * GAIN + 0.5 * Mix(CLEAN >> GAIN)), 128),
        (1.5 * CLEAN - 0.5 * (GAIN >> CLEAN >> CLEAN), 128),
    ],
    ids=str,
)
def test_branches_add_up_in_phase(chain, late):
    """Every branch passes small signals on as they are, so the whole does too, at the latency of the slowest."""
    x = low_noise(0)
    inner = slice(300, -300)  # the filters ring at the ends
    assert chain.latency_samples(SR) == late
    assert apart(render(chain, {}, x, SR)[:, inner], x[:, inner]) < 1e-3
    raw = np.asarray(chain.apply(Space(chain).decode(Space(chain).start), jnp.asarray(x), CTX))
    assert apart(raw[:, late:][:, inner], x[:, : x.shape[1] - late][:, inner]) < 1e-3


@dataclass(frozen=True)
class Doubler(Block, abc.ABC):  # abc.ABC keeps it out of the registry
    """Every channel twice."""

    name = "doubler"

    def apply(self, p, x, ctx):
        return jnp.concatenate([x, x])

    def channels_out(self, channels):
        return 2 * channels


def test_channel_counts_are_followed_and_checked():
    doubled = GAIN >> Doubler() >> (DELAY + GAIN)
    assert doubled.channels_out(2) == 4
    assert render(doubled, {}, noise(0), SR).shape == (4, 4000)
    for odd in (Doubler() + GAIN, GAIN >> Mix(Doubler())):
        with pytest.raises(DdspLabError, match="channel") as error:
            render(odd, {}, noise(0), SR)
        assert error.value.code == "audio-channels"


# --- taking a chain apart


def views(chain, p, x, y, path=()):
    """What each link, nested ones too, would have to do for `y`, and what it does."""
    yield ".".join(path), y, played(chain, p, x, CTX)
    for name, source, wanted in chain.separate(p, x, y, CTX):
        yield from views(chain.children[name], p[name], source, wanted, (*path, name))


@pytest.mark.parametrize(
    ("chain", "links"),
    [
        (EQ >> COMP >> GAIN, ["gain", "compressor", "parametric_eq"]),
        (CLIP >> EQ >> COMP, ["compressor", "parametric_eq", "soft_clip"]),
        (EQ >> CLIP >> GAIN, ["gain", "soft_clip"]),  # what went into the clipping can't be told
        (0.6 * CLIP + 0.6 * DELAY, ["soft_clip", "delay"]),
        (
            EQ >> (0.6 * (COMP >> GAIN) + 0.6 * CLIP),
            ["parallel", "parallel.series", "parallel.series.gain", "parallel.series.compressor", "parallel.soft_clip"],
        ),
    ],
    ids=["effects", "clip first", "clip within", "sum", "sum within"],
)
def test_separation_is_exact_at_the_true_values(chain, links):
    space = Space(chain)
    u = np.random.default_rng(0).uniform(0.3, 0.7, space.size)
    values = space.decode(np.where([name.startswith("weights") for name in space.names], 0.8, u))
    # cut link by link, what a filter rings before the first and after the last sample is lost
    x = np.pad(noise(0), ((0, 0), (100, 2000)))
    seen = list(views(chain, values, x, played(chain, values, x, CTX)))
    assert [path for path, _, _ in seen] == ["", *links]
    for path, wanted, real in seen:
        assert apart(wanted, real) < 2e-5, path


def test_weights_and_the_mix_of_a_branch_are_found_together():
    """From the wrong mix, wrong weights too: dry and wet of a branch are weighed apart."""
    x = noise(0)
    chain = parse("soft_clip + delay(time_ms=20, feedback=0.5)")
    y = render(chain, {"weights": {"soft_clip": -0.7, "delay": 0.5}, "delay": {"mix": 0.2}}, x, CTX.sr)
    (guess,) = chain.estimate(x, y, CTX, Space(chain).complete({}))
    assert guess["delay"]["mix"] == pytest.approx(0.2, abs=1e-4)
    assert guess["weights"] == pytest.approx({"soft_clip": -0.7, "delay": 0.5}, abs=1e-4)


def test_a_silent_branch_is_wanted_at_full_weight():
    """Dividing by a weight near zero would blow up whatever the other branches leave."""
    chain, x = 0.01 * DELAY + 0.9 * GAIN, noise(0)
    values = Space(chain).decode(Space(chain).start)
    wanted = {name: y for name, _, y in chain.separate(values, x, played(chain, values, x, CTX), CTX)}
    assert apart(wanted["delay"], 0.01 * played(DELAY, values["delay"], x, CTX)) < 1e-4
