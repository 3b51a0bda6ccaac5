"""Fronts: what NSGA-II finds where one thing has to be given up for another."""

import json

import numpy as np
import pytest
from helpers import SR, plucks, wet
from hypothesis import given
from hypothesis import strategies as st
from test_populations import Analytic, cube

import ddsp_lab as dl
from ddsp_lab._errors import DdspLabError
from ddsp_lab._front import KEPT, Front, best_first, crowding, ranks
from ddsp_lab._parse import parse_optimizer
from ddsp_lab._search import Search

X = plucks()
CHOICES = "one_of(gain, soft_clip(oversample=1), soft_clip(oversample=8))"
REFERENCE = wet("soft_clip(oversample=8, drive_db=14)", X)
POINTS = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, np.inf]), min_size=2, max_size=2), min_size=1, max_size=30
)


def better(a, b):
    return bool(np.all(a <= b) and np.any(a < b))


@given(POINTS)
def test_ranks_are_layers_of_what_nothing_is_better_than(points):
    f, left = np.array(points), set(range(len(points)))
    for rank in range(ranks(f).max() + 1):
        layer = {i for i in left if not any(better(f[j], f[i]) for j in left)}
        assert layer == set(np.flatnonzero(ranks(f) == rank))
        left -= layer
    assert not left


def test_room_is_what_the_neighbours_leave_and_the_ends_come_first():
    f = np.array([[0.0, 10.0], [1.0, 6.0], [3.0, 5.0], [4.0, 0.0], [5.0, 10.0], [np.inf, np.inf]])
    room = crowding(f, ranks(f))
    np.testing.assert_allclose(room, [np.inf, 3 / 4 + 5 / 10, 3 / 4 + 6 / 10, np.inf, np.inf, np.inf])
    assert best_first(f).tolist() == [0, 3, 2, 1, 4, 5]


def test_a_front_keeps_the_least_loss_and_at_most_a_hundred():
    random, front = np.random.default_rng(0), Front()
    for _ in range(20):
        a = random.random(50)
        f = np.stack([a, 1.0 - np.sqrt(a)], axis=1)
        f[:5] = np.inf
        front = front.joined(("a", "b"), a[:, None], f.sum(axis=1), f)
    assert len(front) == KEPT
    assert (ranks(front.objectives) == 0).all()
    assert (np.diff(front.losses) >= 0.0).all()
    np.testing.assert_allclose(front.objectives[:, 0], front.us[:, 0])
    assert np.diff(np.sort(front.us[:, 0])).max() < 0.03
    assert [list(costs) for _, costs in front][:1] == [["a", "b"]]


class Zdt1(Analytic):
    """Zitzler, Deb, Thiele, "Comparison of multiobjective evolutionary algorithms", Evolutionary Computation 8, 2000:
    the front is b = 1 - sqrt(a), where all coordinates but the first are 0."""

    def _of_each(self, ask, us, shape=()):
        g = 1.0 + 9.0 * us[:, 1:].mean(axis=1)
        b = g * (1.0 - np.sqrt(us[:, 0] / g))
        columns = np.stack([us[:, 0] + b, us[:, 0], b], axis=1)
        return (columns if shape else columns[:, 0],)


def volume(objectives, reference=1.1):
    """The area that points dominate, up to (1.1, 1.1)."""
    a, b = objectives[(objectives < reference).all(axis=1)].T
    order = np.argsort(a)
    a, b = a[order], np.minimum.accumulate(b[order])
    return float(((np.append(a[1:], reference) - a) * (reference - b)).sum())


@pytest.mark.parametrize("seed", range(3))
def test_the_front_of_zdt1_is_found(seed):
    whole = 1.1 * 1.1 - 1.0 / 3.0
    evaluate = Zdt1(None, 4000)
    Search(evaluate, cube(10), parse_optimizer("nsga2"), seed).run()
    drawn = np.random.default_rng(seed).random((4000, 10))
    chance = volume(evaluate._of_each(None, drawn, (3,))[0][:, 1:])
    assert evaluate.evaluations == 4000
    assert 0.97 * whole < volume(evaluate.front.objectives) <= whole
    assert chance < 0.5 * whole


def fitted(chain=CHOICES, optimizer="nsga2(cost=true)", budget=400, **more):
    return dl.fit(chain, X, REFERENCE, SR, optimizer=optimizer, budget=budget, **more)


def checked(result, names):
    costs = np.array([[costs[name] for name in names] for _, costs in result.front])
    assert [list(c) for _, c in result.front] == [list(names)] * len(result.front)
    assert len(result.front) == result.metrics["front"] > 1
    assert (ranks(costs) == 0).all()
    assert result.front[0][0].values == result.values
    assert costs[0, 0] == pytest.approx(result.metrics["loss"], rel=1e-4)
    return costs


def test_what_a_chain_costs_is_weighed_against_what_it_does(tmp_path):
    result = fitted(folder=tmp_path)
    costs = checked(result, ("esr", "ops_per_sample"))
    assert set(costs[:, 1]) <= {dl.ops_per_sample(b) for b in dl.parse(CHOICES).blocks}
    assert len(set(costs[:, 1])) > 1
    for preset, objectives in result.front:
        y = preset.render(X, SR)
        assert np.sum((y - REFERENCE) ** 2) / np.sum(REFERENCE**2) < 2.0 * objectives["esr"] + 1e-3
    kept = json.loads((tmp_path / "front.json").read_text())
    assert kept == [{"objectives": dict(c), "values": p.values} for p, c in result.front]
    assert json.loads((tmp_path / "metrics.json").read_text())["front"] == len(kept)
    again = fitted(folder=tmp_path)
    assert again.metrics["replayed"] > 10
    assert [(p.values, c) for p, c in again.front] == [(p.values, c) for p, c in result.front]
    fitted(folder=tmp_path, optimizer="random_search", budget=3, fresh=True)
    assert not (tmp_path / "front.json").exists()


def test_the_terms_of_a_target_are_kept_apart():
    target = "multi_resolution_stft + 0.5 * esr"
    result = fitted("parametric_eq(bands=1) >> gain", "nsga2", target=target)
    names = ("multi_resolution_stft", "esr")
    costs = [[c[name] for name in names] for _, c in result.front]
    assert costs[0][0] + 0.5 * costs[0][1] == pytest.approx(result.metrics["loss"], rel=1e-4)
    assert len(costs) > 1
    assert (ranks(np.array(costs)) == 0).all()
    with_cost = fitted(CHOICES, "nsga2(cost=true)", 100, target=target)
    assert list(with_cost.front[0][1]) == [*names, "ops_per_sample"]


@pytest.mark.parametrize(("chain", "optimizer"), [("gain", "nsga2"), ("gain >> delay", "nsga2(cost=true)")])
def test_nothing_to_weigh_is_refused(chain, optimizer):
    with pytest.raises(DdspLabError) as error:
        fitted(chain, optimizer)
    assert error.value.code == "fit-single-objective"
    assert "one_of" in error.value.remedy


def test_only_searches_of_several_objectives_have_a_front():
    result = fitted(optimizer="pygad", budget=50)
    assert result.front == ()
    assert "front" not in result.metrics


@pytest.mark.parametrize("executor", ["serial"])
def test_terms_are_computed_by_an_executor_too(executor):
    here, there = (fitted(budget=70, executor=e) for e in (None, executor))
    assert [c["esr"] for _, c in there.front] == pytest.approx([c["esr"] for _, c in here.front], rel=1e-3)
