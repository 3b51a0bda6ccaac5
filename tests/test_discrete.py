"""Parameters of whole numbers and of choices: what they take, how they are searched, stored and shown."""

import abc
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import SR, plucks

import ddsp_lab as dl
from ddsp_lab import Block, Param, Space
from ddsp_lab._errors import ParameterError

COUNT = Param("count", -1, 3, default=1, scale="integer")
KIND = Param.choice("kind", ("soft", "hard", "off"), default=1)


@dataclass(frozen=True)
class Amounts(Block, abc.ABC):  # abc.ABC keeps it out of the registry
    """Gains in steps of 6 dB, in one of three ways."""

    name = "amounts"
    params = (
        COUNT,
        KIND,
        Param("rows", 0, 2, default=1, scale="integer", shape=(2,)),
        Param("trim_db", -6.0, 6.0, 0.0),
    )

    def apply(self, p, x, ctx):
        kind = jnp.stack([jnp.tanh(x), jnp.clip(x, -0.1, 0.1), 0.0 * x])[p["kind"].astype(int)]
        return kind * 2.0 ** p["count"] * 10.0 ** ((p["trim_db"] + p["rows"].sum()) / 20.0)


@pytest.mark.parametrize("q", [COUNT, KIND], ids=lambda q: q.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cells_are_equal_and_values_stand_in_their_middles(q, dtype):
    u = ((np.arange(1000) + 0.5) / 1000).astype(dtype)
    values, counts = np.unique(q.from_unit(u), return_counts=True)
    np.testing.assert_array_equal(values, np.arange(q.low, q.high + 1))
    assert np.ptp(counts) <= 1
    np.testing.assert_array_equal(q.from_unit(q.to_unit(values)), values)
    assert q.from_unit(np.array([0.0, 1.0])).tolist() == [q.low, q.high]
    traced = jax.jit(jax.vmap(q.from_unit))(jnp.asarray(u))
    np.testing.assert_array_equal(traced, q.from_unit(u.astype(np.float32)))
    assert not np.any(jax.vmap(jax.grad(q.from_unit))(jnp.asarray(u)))


@pytest.mark.parametrize(
    ("q", "value", "remedy"),
    [
        (COUNT, 1.5, "whole numbers -1 to 3"),
        (COUNT, 4, "whole numbers -1 to 3"),
        (COUNT, np.nan, "whole numbers"),
        (COUNT, np.inf, "whole numbers"),
        (KIND, 0.5, "soft, hard, off"),
        (KIND, 3, "soft, hard, off"),
    ],
)
def test_what_is_no_level_is_refused_with_those_there_are(q, value, remedy):
    with pytest.raises(ParameterError) as error:
        q.check(value, "a.b")
    assert error.value.code == "parameter-bounds"
    assert remedy in error.value.remedy


def test_names_and_rounded_numbers_are_taken():
    assert KIND.check("off", "kind") == 2
    assert KIND.check(np.float32(2.0) * (1.0 - 3e-7), "kind") == 2
    assert COUNT.check(2.9999999, "count") == 3
    with pytest.raises(ParameterError, match="Choose from soft, hard, off"):
        KIND.check("loud", "kind")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": "integer", "low": 0.5},
        {"scale": "integer", "affine": True},
        {"scale": "integer", "automatable": True},
        {"scale": "integer", "choices": ("a", "b")},
        {"choices": ("a", "b", "c", "d")},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ValueError, match="x: "):
        Param(**({"name": "x", "low": 0, "high": 3, "default": 1} | wrong))


def test_a_point_says_which_coordinates_are_discrete_and_which_have_an_order():
    space = Space(Amounts())
    assert space.layout.levels.tolist() == [5, 3, 3, 3, 0]
    assert space.layout.categorical.tolist() == [False, True, False, False, False]
    u = np.random.default_rng(0).random((50, 5))
    for point in u:
        values = space.decode(point)
        again = space.decode(space.encode(values))
        np.testing.assert_array_equal(np.concatenate([*map(np.ravel, jax.tree.leaves(values))])[:4] % 1.0, 0.0)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), values, again)


def test_only_parameters_of_one_kind_are_tied():
    whole, third = Param("a", 0, 9, 1, scale="integer"), Param("b", 0.0, 9.0, 0.0)
    assert whole.covers(Param("c", 2, 4, 3, scale="integer"))
    assert third.covers(whole)
    assert not whole.covers(third)
    assert not KIND.covers(Param.choice("kind", ("soft", "hard", "on")))


def test_a_gradient_fit_says_what_it_leaves_alone():
    x = plucks()
    result = dl.fit(Amounts(), x, 0.3 * x, SR, optimizer="adam(steps=3)", start={"kind": "soft"})
    said = dict(result.notes)["fit-discrete-stays"]
    assert "count, kind, rows[0], rows[1]" in said
    assert "pygad" in said
    assert (result.values["count"], result.values["kind"], result.values["rows"]) == (1.0, 0.0, [1.0, 1.0])
    assert result.metrics["at_bound"] == []
    assert "fit-discrete-stays" not in dict(
        dl.fit(Amounts(), x, 0.3 * x, SR, optimizer="random_search(generations=2)").notes
    )


def test_a_choice_that_matters_is_not_called_insensitive():
    x = plucks()
    result = dl.fit(Amounts(), x, 0.3 * x, SR, optimizer="pygad(generations=20)")
    assert not {"kind", "count"} & set(result.metrics["insensitive"])


def test_starts_are_said_by_name():
    chain = Amounts().starting_at(kind=2, count=3)
    assert str(chain) == "amounts(kind='off', count=3)"
    assert dl.Preset.of(chain, {}, SR).values["kind"] == 2.0
