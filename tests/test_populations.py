"""What searches without gradients promise besides, measured on losses that need no chain."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from ddsp_lab import Optimizer
from ddsp_lab._errors import ExpressionError
from ddsp_lab._evaluate import Asked, Evaluate
from ddsp_lab._parse import parse_optimizer
from ddsp_lab._search import Search

N = 6
GOAL = np.random.default_rng(5).uniform(0.3, 0.8, N)
TURN = np.linalg.qr(np.random.default_rng(7).standard_normal((N, N)))[0]
MEMBERS = [
    k for k, v in sorted(Optimizer.registry.items()) if not v.needs_gradient and v.__module__.startswith("ddsp_lab.")
]
ALGORITHMS = ["CMA", "DE", "OnePlusOne", "RandomSearch", "RealSpacePSO", "TBPSA", "TwoPointsDE"]
every = pytest.mark.parametrize("name", MEMBERS)


def bowl(us):
    return ((us - GOAL) ** 2).sum(axis=1)


def turned_bowl(us):
    return ((us - GOAL) @ TURN) ** 2 @ np.logspace(0, 4, N)


def banana(us):
    z = 3.0 * us - 1.0
    return (100.0 * (z[:, 1:] - z[:, :-1] ** 2) ** 2 + (1.0 - z[:, :-1]) ** 2).sum(axis=1)


def egg_box(us):
    return (100.0 * (us - GOAL) ** 2 + 5.0 * (1.0 - np.cos(20.0 * np.pi * (us - GOAL)))).sum(axis=1)


def corner(us):
    return us.sum(axis=1)


class Analytic(Evaluate):
    """Answers with a function of the points; remembers what it was asked."""

    def __init__(self, loss, budget):
        super().__init__(None, budget=budget)
        self.loss, self.asked = loss, []

    def ask_losses(self, us):
        us = np.atleast_2d(us)
        self.asked.append(us)
        return Asked("losses", us, len(us), lambda: (self.loss(us),), lambda values: self._note(us, values))


def search(text, loss=bowl, budget=600, seed=0, n=N):
    evaluate = Analytic(loss, budget)
    Search(evaluate, SimpleNamespace(size=n, start=np.full(n, 0.3)), parse_optimizer(text), seed).run()
    return evaluate


@every
@pytest.mark.parametrize("loss", [bowl, turned_bowl, banana, egg_box])
def test_it_beats_random_search(name, loss):
    if name == "random_search":
        return
    pairs = [[search(k, loss, 1000, seed).best.loss for k in (name, "random_search")] for seed in range(3)]
    assert sum(a < b for a, b in pairs) >= 2, pairs


@every
def test_the_whole_budget_is_spent_and_the_best_is_kept(name):
    evaluate = search(name, banana, 235)
    points = np.concatenate(evaluate.asked)[:235]
    assert evaluate.evaluations == 235
    assert evaluate.best.loss == banana(points).min()


@every
def test_generations_are_asked_about_at_once(name):
    evaluate = search(name)
    assert np.median([len(us) for us in evaluate.asked[1:]]) >= 10


@every
def test_it_ends_after_its_generations(name):
    assert search(f"{name}(generations=5)", budget=np.inf).evaluations < 300


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_half_of_the_cube_without_losses_is_survived(name, bad):
    evaluate = search(name, lambda us: np.where(us[:, 1] > 0.5, bad, bowl(us) + (GOAL[1] > 0.5)))
    assert evaluate.non_finite > 0
    assert evaluate.best.u[1] <= 0.5
    assert evaluate.best.loss < bowl(np.full((1, N), 0.3))[0] + (GOAL[1] > 0.5)


@every
def test_no_finite_loss_at_all_but_the_start(name):
    evaluate = search(name, lambda us: np.where(np.all(us == 0.3, axis=1), 1.0, np.nan), 200)
    assert evaluate.best.loss == 1.0


@every
def test_a_flat_loss_ends_or_goes_on_but_does_not_fail(name):
    assert search(name, lambda us: np.ones(len(us)), 300).best.loss == 1.0


@every
@pytest.mark.parametrize("n", [1, 40])
def test_one_parameter_and_forty(name, n):
    evaluate = search(name, corner, 800, n=n)
    assert evaluate.best.loss < (0.01 if n == 1 else 0.3 * n + 0.01)


@every
def test_other_random_numbers_are_neither_used_nor_moved(name):
    one = search(name)
    np.random.seed(1)  # noqa: NPY002 - the state that others share
    random.seed(1)
    before = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    other = search(name)
    assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert random.getstate() == before[1]
    np.testing.assert_array_equal(np.concatenate(one.asked), np.concatenate(other.asked))


@pytest.mark.parametrize("name", ["cma_es", "pso", "differential_evolution"])
def test_an_optimum_in_a_corner_is_met(name):
    assert search(name, corner, 3000).best.loss < 1e-4


def test_a_hundred_and_one_parameters_are_searched_by_their_variances():
    goal = np.linspace(0.2, 0.8, 101)
    evaluate = search("cma_es", lambda us: ((us - goal) ** 2 * np.logspace(0, 2, 101)).sum(axis=1), 8000, n=101)
    assert evaluate.best.loss < 1e-2 * evaluate.history[0][1]


def test_a_stalled_distribution_starts_again_with_more_points():
    sizes = sorted({len(us) for us in search("cma_es", egg_box, np.inf).asked[1:]})
    assert sizes == [13, 26, 52, 104, 208]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_listed_search_of_nevergrad_is_sound(algorithm):
    one, other = (search(f"nevergrad('{algorithm}')", turned_bowl, 400, seed=2) for _ in range(2))
    np.testing.assert_array_equal(np.concatenate(one.asked), np.concatenate(other.asked))
    assert one.best.loss < 0.5 * one.history[0][1]
    assert one.evaluations == 400


def test_nevergrad_takes_its_algorithm_first_or_by_name_and_no_other():
    assert parse_optimizer("nevergrad('DE')") == parse_optimizer("nevergrad(algorithm='DE')")
    assert str(parse_optimizer("nevergrad('DE')")) == "nevergrad(algorithm='DE')"
    for text in ("nevergrad('NGOpt')", "nevergrad('DE', 'CMA')", "nevergrad('DE', algorithm='CMA')"):
        with pytest.raises(ExpressionError, match="bad-setting"):
            parse_optimizer(text)
