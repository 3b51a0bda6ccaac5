"""The space of a chain: points and values, what is frozen, tied and started, and what is refused."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ddsp_lab as dl
from ddsp_lab._block import flatten
from ddsp_lab._errors import DdspLabError, FitError, ParameterError

CHAIN = dl.parse("pre=parametric_eq(bands=2) >> (0.7 * compressor + delay) >> gain")
FREE = [
    "pre.cutoff_hz[0]",
    "pre.cutoff_hz[1]",
    "pre.gain_db[0]",
    "pre.gain_db[1]",
    "pre.q[0]",
    "pre.q[1]",
    "parallel.weights.compressor",
    "parallel.weights.delay",
    "parallel.compressor.threshold_db",
    "parallel.compressor.ratio",
    "parallel.compressor.attack_ms",
    "parallel.compressor.release_ms",
    "parallel.compressor.knee_db",
    "parallel.compressor.makeup_gain_db",
    "parallel.delay.time_ms",
    "parallel.delay.feedback",
    "parallel.delay.mix",
    "gain.gain_db",
]
TWO = dl.parse("gain >> delay")
LOW, MIDDLE = np.zeros(len(FREE)), np.full(len(FREE), 0.5)


def numbers(values):
    return {path: np.asarray(v).tolist() for path, v in flatten(values).items()}


def refused(code, said, *arguments, error=ParameterError, **keywords):
    with pytest.raises(error) as caught:
        dl.Space(*arguments, **keywords)
    assert caught.value.code == code
    assert said in f"{caught.value.message} {caught.value.remedy}"


def test_every_coordinate_has_a_name():
    space = dl.Space(CHAIN)
    assert space.names == FREE
    assert space.size == space.start.size == len(FREE)


@given(st.lists(st.floats(0.0, 1.0, width=32), min_size=len(FREE), max_size=len(FREE)))
def test_a_point_comes_back_from_its_values(u):
    space = dl.Space(CHAIN)
    np.testing.assert_allclose(space.encode(space.decode(np.array(u))), u, atol=3e-6)


def test_bounds_and_middles_in_each_scale():
    space = dl.Space(TWO)
    assert numbers(space.decode([0, 0, 0, 0])) == pytest.approx(
        {"gain.gain_db": -60.0, "delay.time_ms": 1.0, "delay.feedback": 0.0, "delay.mix": 0.0}
    )
    middle = numbers(space.decode([0.5] * 4))
    assert middle == pytest.approx(
        {"gain.gain_db": -18.0, "delay.time_ms": 2000.0**0.5, "delay.feedback": 0.475, "delay.mix": 0.5}, rel=1e-5
    )
    assert numbers(space.decode([1, 1, 1, 1]))["delay.time_ms"] == pytest.approx(2000.0, rel=1e-5)


def test_a_point_outside_the_cube_is_its_nearest_inside():
    space = dl.Space(TWO)
    assert numbers(space.decode([-3.0, 2.0, 0.5, 0.5])) == numbers(space.decode([0.0, 1.0, 0.5, 0.5]))


def test_a_search_starts_where_the_chain_says():
    space = dl.Space(dl.parse("gain(gain_db=6) >> (0.7 * delay - soft_clip)"), start={"gain": {"gain_db": -3.0}})
    start = numbers(space.decode(space.start))
    assert start["gain.gain_db"] == pytest.approx(-3.0, abs=1e-4)
    assert start["parallel.weights.delay"] == pytest.approx(0.7, abs=1e-6)
    assert start["parallel.weights.soft_clip"] == pytest.approx(-1.0, abs=1e-6)
    assert start["parallel.soft_clip.drive_db"] == pytest.approx(12.0, abs=1e-4)


def test_starts_are_given_nested_or_by_path():
    nested = dl.Space(TWO, start={"delay": {"mix": 0.2}, "gain": {"gain_db": 1.0}})
    by_path = dl.Space(TWO, start={"delay.mix": 0.2, "gain.gain_db": 1.0})
    np.testing.assert_array_equal(nested.start, by_path.start)
    assert nested.start[3] == pytest.approx(0.2)


def test_a_start_on_a_bound_is_an_ordinary_point():
    space = dl.Space(TWO, start={"gain.gain_db": 24.0, "delay.mix": 0.0})
    assert space.start[0] == 1.0
    assert space.start[3] == 0.0


@pytest.mark.parametrize("frozen", [["gain"], ["gain.gain_db"], "gain"])
def test_what_is_frozen_stays(frozen):
    space = dl.Space(TWO, frozen=frozen, start={"gain.gain_db": 7.0})
    assert space.names == ["delay.time_ms", "delay.feedback", "delay.mix"]
    for u in ([0, 0, 0], [1, 1, 1]):
        assert numbers(space.decode(u))["gain.gain_db"] == 7.0


def test_freezing_a_link_does_not_freeze_its_namesake():
    space = dl.Space(dl.parse("gain >> gain >> gain"), frozen=["gain"])
    assert space.names == ["gain_2.gain_db", "gain_3.gain_db"]


def test_a_row_of_parameters_freezes_as_a_whole():
    space = dl.Space(dl.parse("parametric_eq(bands=3)"), frozen=["q", "gain_db"])
    assert space.names == ["cutoff_hz[0]", "cutoff_hz[1]", "cutoff_hz[2]"]


def test_what_is_tied_follows():
    space = dl.Space(dl.parse("gain >> gain"), ties={"gain.gain_db": "gain_2.gain_db"})
    assert space.names == ["gain_2.gain_db"]
    for u in (0.0, 0.3, 1.0):
        values = numbers(space.decode([u]))
        assert values["gain.gain_db"] == values["gain_2.gain_db"]
    assert space.base["gain.gain_db"] == space.base["gain_2.gain_db"]


def test_what_is_tied_to_something_frozen_stays_with_it():
    space = dl.Space(TWO, frozen=["delay.feedback"], ties=[("delay.mix", "delay.feedback")])
    assert space.names == ["gain.gain_db", "delay.time_ms"]
    assert numbers(space.decode([0.5, 0.5]))["delay.mix"] == pytest.approx(0.3)


def test_gradients_reach_through_a_tie():
    space = dl.Space(dl.parse("gain >> gain"), ties={"gain.gain_db": "gain_2.gain_db"})
    total = jax.grad(lambda u: sum(v["gain_db"] for v in space.decode(u).values()))(np.array([0.5], np.float32))
    assert float(total[0]) == pytest.approx(2 * 84.0, rel=1e-6)


def test_moved_leaves_the_rest_exactly_where_it_was():
    space = dl.Space(CHAIN)
    u = np.random.default_rng(0).uniform(size=space.size)
    there = space.moved(u, {"gain.gain_db": 24.0, "pre.q": [0.1, 10.0]})
    changed = [name for name, a, b in zip(space.names, u, there, strict=True) if a != b]
    assert changed == ["pre.q[0]", "pre.q[1]", "gain.gain_db"]
    np.testing.assert_allclose(there[[4, 5, 17]], [0.0, 1.0, 1.0])


def test_complete_fills_in_and_checks():
    values = dl.Space(TWO).complete({"delay": {"mix": 1.0}})
    assert numbers(values) == {
        "gain.gain_db": 0.0,
        "delay.time_ms": 250.0,
        "delay.feedback": pytest.approx(0.3),
        "delay.mix": 1.0,
    }


def test_samples_are_uniform_in_each_scale():
    space = dl.Space(CHAIN, frozen=["parallel.delay.mix"])
    points = np.stack([space.encode(space.sample(jax.random.key(i))) for i in range(400)])
    # the distance of an empirical distribution from the uniform one: 0.0966 is exceeded once in a thousand draws
    steps = np.arange(1, 401)[:, None] / 400
    assert np.abs(np.sort(points, axis=0) - steps).max(axis=0).max() < 0.0966 + 1 / 400
    assert np.abs(np.corrcoef(points.T) - np.eye(space.size)).max() < 0.25


def test_samples_keep_what_is_frozen_and_tied_and_repeat():
    space = dl.Space(TWO, frozen=["gain"], ties={"delay.mix": "delay.feedback"}, start={"gain.gain_db": -7.0})
    one, again, other = (numbers(space.sample(jax.random.key(i))) for i in (1, 1, 2))
    assert one == again
    assert one["delay.time_ms"] != other["delay.time_ms"]
    assert one["gain.gain_db"] == -7.0
    assert one["delay.mix"] == one["delay.feedback"]


BAD_VALUES = {
    "too high": ({"gain.gain_db": 24.1}, "parameter-bounds", "-60 to 24 dB"),
    "too low": ({"delay": {"time_ms": 0.5}}, "parameter-bounds", "1 to 2000 ms"),
    "NaN": ({"gain.gain_db": float("nan")}, "parameter-bounds", "nan"),
    "infinite": ({"gain.gain_db": float("inf")}, "parameter-bounds", "inf"),
    "beyond every float": ({"gain.gain_db": 10**400}, "parameter-bounds", "-60 to 24 dB"),
    "nothing": ({"gain.gain_db": None}, "parameter-bounds", "-60 to 24 dB"),
    "a text": ({"gain.gain_db": "3"}, "parameter-shape", "one number"),
    "a truth": ({"gain.gain_db": np.bool_(True)}, "parameter-shape", "one number"),
    "complex": ({"gain.gain_db": 3j}, "parameter-shape", "one number"),
    "a row": ({"gain.gain_db": [1.0, 2.0]}, "parameter-shape", "one number"),
    "misspelt": ({"delay.feedbak": 0.1}, "unknown-parameter", "Did you mean 'delay.feedback'?"),
    "a link": ({"gain": 0.1}, "unknown-parameter", "'gain'"),
    "too deep": ({"gain": {"gain_db": {"x": 1.0}}}, "unknown-parameter", "Did you mean 'gain.gain_db'?"),
}


@pytest.mark.parametrize(("values", "code", "said"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_values_that_do_not_fit_are_refused(values, code, said):
    refused(code, said, TWO, start=values)
    for take in (dl.Space(TWO).encode, dl.Space(TWO).complete):
        with pytest.raises(ParameterError) as caught:
            take(values)
        assert caught.value.code == code


def test_a_rounding_error_outside_is_no_error():
    assert dl.Space(TWO, start={"gain.gain_db": 24.00001}).start[0] == 1.0


BAD_FREEZING = {
    "a parameter": (["gain.gain_dbb"], "Did you mean 'gain.gain_db'?"),
    "a link": (["delya"], "Did you mean 'delay'?"),
    "half a name": (["gain.gain"], "'gain.gain'"),
    "nothing": ([""], "''"),
}


@pytest.mark.parametrize(("frozen", "said"), BAD_FREEZING.values(), ids=BAD_FREEZING)
def test_freezing_what_is_not_there_is_refused(frozen, said):
    refused("unknown-parameter", said, TWO, frozen=frozen)


BAD_TIES = {
    "misspelt": ({"delay.mx": "delay.feedback"}, "unknown-parameter", "Did you mean 'delay.mix'?"),
    "misspelt source": ({"delay.mix": "delay.feedbak"}, "unknown-parameter", "Did you mean 'delay.feedback'?"),
    "a link": ({"delay": "gain"}, "unknown-parameter", "'delay'"),
    "another range": ({"delay.mix": "delay.time_ms"}, "parameter-bounds", "1 to 2000 ms"),
    "itself": ({"delay.mix": "delay.mix"}, "parameter-bounds", "cannot copy"),
    "a circle": ({"delay.mix": "delay.feedback", "delay.feedback": "delay.mix"}, "parameter-bounds", "cannot copy"),
}


@pytest.mark.parametrize(("ties", "code", "said"), BAD_TIES.values(), ids=BAD_TIES)
def test_ties_that_cannot_hold_are_refused(ties, code, said):
    refused(code, said, TWO, ties=ties)


def test_a_row_cannot_be_tied_to_a_number():
    refused(
        "parameter-bounds",
        "cannot copy",
        dl.parse("parametric_eq >> gain"),
        ties={"parametric_eq.gain_db": "gain.gain_db"},
    )


@pytest.mark.parametrize("fixed", [{"frozen": ["gain", "delay"]}, {"frozen": ["delay", "gain.gain_db"]}])
def test_nothing_to_fit_is_refused(fixed):
    space = dl.Space(TWO, **fixed)
    assert space.size == 0
    assert numbers(space.sample(jax.random.key(0))) == numbers(space.decode([]))
    with pytest.raises(FitError) as caught:
        space.check()
    assert caught.value.code == "nothing-to-fit"
    assert "Freeze or tie less" in caught.value.remedy


def test_every_refusal_is_one_of_ours():
    assert issubclass(ParameterError, DdspLabError)
    assert issubclass(FitError, DdspLabError)
