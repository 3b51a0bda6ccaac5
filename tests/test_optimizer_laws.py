"""What every search promises, measured on each member of the registry with a small equaliser and a gain."""

import abc
from dataclasses import dataclass, replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddsp_lab import Block, DdspLabError, Optimizer, Param, Space, _pairs, _problem, render
from ddsp_lab._evaluate import BudgetSpent, Evaluate
from ddsp_lab._journal import Journal
from ddsp_lab._pairs import NO_ALIGNMENT, Pair, Window
from ddsp_lab._parse import parse_optimizer
from ddsp_lab._search import Search
from ddsp_lab._separate import Separation
from ddsp_lab.effects import Gain, ParametricEq
from ddsp_lab.optimizers import Adam
from ddsp_lab.targets import Esr, MultiResolutionStft

SR, ESR = 8000, Esr()
TWO = ESR + 0.1 * MultiResolutionStft()
CHAIN = ParametricEq(2) >> Gain()
TRUTH = {"parametric_eq": {"cutoff_hz": [200.0, 2000.0], "gain_db": [6.0, -9.0], "q": [1.0, 0.5]}, "gain.gain_db": -4.0}
AT_BOUNDS = {"parametric_eq": {"cutoff_hz": [20.0, 2000.0], "gain_db": [20.0, -20.0], "q": 0.1}, "gain.gain_db": 24.0}
MEMBERS = {k: v() for k, v in sorted(Optimizer.registry.items()) if v.__module__.startswith("ddsp_lab.")}
every = pytest.mark.parametrize("optimizer", MEMBERS.values(), ids=MEMBERS)


class Watched(Evaluate):
    """Remembers what it was asked; with `faulty`, every fourth answer is NaN, and every fourth of a population."""

    faulty = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.points, self.asked = [], []  # asked: how many points each question about losses holds
        self.costs, self.refused, self.failed, self.broken_at = [], None, 0, None
        self.watch = self.notice

    def notice(self, _):
        if self.non_finite and self.broken_at is None:
            self.broken_at = self.evaluations

    def ask_losses(self, us):
        return self.remembered(super().ask_losses(us))

    def ask_terms(self, us, *beside):
        return self.remembered(super().ask_terms(us, *beside))

    def remembered(self, asked):
        self.points += list(asked.at)
        self.asked.append(len(asked.at))
        return asked

    def values_and_gradients(self, us, *how):
        self.points += list(np.atleast_2d(us))
        return super().values_and_gradients(us, *how)

    def ask_gauss_newton(self, u, free=None, *how):
        self.points.append(np.asarray(u))
        return super().ask_gauss_newton(u, free, *how)

    def _numbers(self, asked):
        spoiled = []
        for i, a in enumerate(asked, len(self.costs)):
            faulty = self.faulty and a.cost and i % 4 == 3

            def wrong(compute=a.compute):
                return [np.nan * np.asarray(part) for part in compute()]

            def partly(compute=a.compute, a=a):
                bad = (int(self.spent) + np.arange(len(a.at))) % 4 == 3
                return (np.where(bad, np.nan, np.transpose(compute()[0])).T,)

            population = self.faulty and a.call in ("losses", "terms") and len(a.at) > 3
            spoiled.append(a._replace(compute=partly if population else wrong) if faulty or population else a)
        numbers = super()._numbers(spoiled)
        if len(numbers) < len(asked):
            self.refused = asked[len(numbers)].cost
        self.costs += [a.cost for a in asked[: len(numbers)]]
        self.failed += sum(a is not b for a, b in zip(asked, spoiled[: len(numbers)], strict=False))
        return numbers


def problem(space, truth=TRUTH, target=ESR, sound=None, prior=0.0):
    """Half a second of noise through the chain, or a sound one in its place, at known values."""
    x = (0.2 * np.random.default_rng(0).standard_normal((1, SR // 2))).astype(np.float32)
    y = render(sound or space.chain, truth, x, SR)
    whole = _pairs.problem([Pair(x, y, NO_ALIGNMENT)], [Window(0, 0, x.shape[1])], space, target, SR, prior)
    return whole, Separation(space, x, y, SR)


def search(optimizer, budget=400, space=None, seed=0, journal=None, faulty=False, truth=TRUTH, sound=None):
    """A whole search, as a fit runs it."""
    space = space or Space(CHAIN)
    target = TWO if optimizer.multi_objective else ESR
    evaluate = Watched(*problem(space, truth, target, sound), budget, journal)
    evaluate.faulty = faulty
    run = Search(evaluate, space, optimizer, seed)
    evaluate.answer = run.run()
    evaluate.loss_start = run.loss_start
    return evaluate


searched = cache(search)  # for what several laws look at


@every
def test_reads_back_from_its_text(optimizer):
    assert parse_optimizer(str(optimizer)) == optimizer
    assert hash(parse_optimizer(str(optimizer))) == hash(optimizer)


@every
def test_improves_on_the_start(optimizer):
    evaluate = searched(optimizer)
    assert evaluate.best.loss < 0.1 * evaluate.loss_start
    assert evaluate.non_finite == 0
    losses = [loss for _, loss in evaluate.history]
    assert losses == sorted(losses, reverse=True)


@every
@pytest.mark.parametrize("corner", [pytest.param(0, marks=pytest.mark.nightly), 1])
def test_stays_in_the_unit_cube(optimizer, corner):
    """From a corner to an optimum on the bounds, by descents that want beyond them."""
    bound = {k: np.broadcast_to((q.low, q.high)[corner], q.shape) for k, q in Space(CHAIN).params.items()}
    evaluate = search(optimizer, 300, Space(CHAIN, start=bound), truth=AT_BOUNDS)
    points = np.stack(evaluate.points)
    assert np.array_equal(points[0], np.full(points.shape[1], corner))
    assert ((points >= 0.0) & (points <= 1.0)).all()
    assert evaluate.best.loss < evaluate.loss_start


@every
def test_the_same_seed_gives_the_same_answers(optimizer):
    one, other = searched(optimizer), search(optimizer)
    np.testing.assert_array_equal(np.stack(one.points), np.stack(other.points))
    np.testing.assert_array_equal(one.answer, other.answer)
    assert one.history == other.history


@every
@pytest.mark.parametrize("budget", [1, 17, 60])
def test_the_budget_is_kept(optimizer, budget):
    evaluate = search(optimizer, budget)
    assert evaluate.evaluations == sum(evaluate.costs) <= budget
    assert evaluate.evaluations + evaluate.refused > budget


@every
def test_failed_evaluations_neither_end_nor_poison_it(optimizer):
    evaluate = search(optimizer, faulty=True)
    assert evaluate.failed > 10
    assert evaluate.non_finite >= evaluate.failed
    points = np.stack(evaluate.points)
    assert ((points >= 0.0) & (points <= 1.0)).all()
    assert np.isfinite(evaluate.best.loss)
    assert evaluate.best.loss < 0.1 * evaluate.loss_start


@dataclass(frozen=True)
class Cracked(Block, abc.ABC):  # abc.ABC keeps it out of the registry
    """A gain that breaks down above 2 dB."""

    name = "cracked"
    params = (Param("gain_db", -20.0, 20.0, default=0.0),)
    differentiable = True

    def apply(self, p, x, ctx):
        return x * jnp.where(p["gain_db"] > 2.0, jnp.nan, 10.0 ** (p["gain_db"] / 20.0))


@every
def test_a_region_without_finite_losses_is_no_trap(optimizer):
    """The search goes on and gets better after the first failure; the last points are not all of them failures."""
    chain = ParametricEq(2) >> Cracked().named("gain")
    truth = {"parametric_eq.gain_db": [12.0, -9.0], "gain.gain_db": 5.0}
    evaluate = search(optimizer, 300, Space(chain), truth=truth, sound=CHAIN)
    assert evaluate.history[-1][0] > evaluate.broken_at
    assert (np.stack(evaluate.points[-20:])[:, -1] <= 0.55).any()


@every
@pytest.mark.parametrize("kept", [0.5, *(pytest.param(v, marks=pytest.mark.nightly) for v in (0.0, 1.0))])
def test_a_killed_search_resumes_to_the_bit(optimizer, kept, tmp_path):
    whole = searched(optimizer, 120)
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    search(optimizer, 120, journal=journal)
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    intact = int(kept * len(lines))
    path.write_bytes(b"".join(lines[:intact]) + b"".join(lines[intact:])[:40])  # a kill tears the last line
    journal = Journal(path)
    again = search(optimizer, 120, journal=journal)
    journal.close()
    assert again.replayed == intact
    assert again.history == whole.history
    np.testing.assert_array_equal(again.best.u, whole.best.u)
    np.testing.assert_array_equal(np.stack(again.points), np.stack(whole.points))
    assert path.read_bytes().splitlines(keepends=True) == lines


@dataclass(frozen=True)
class Stepped(Block, abc.ABC):
    """A gain in whole decibels: nothing to differentiate."""

    name = "stepped"
    params = (Param("gain_db", -20.0, 20.0, default=0.0),)
    differentiable = False

    def apply(self, p, x, ctx):
        return x * 10.0 ** (jnp.round(p["gain_db"]) / 20.0)


@every
def test_a_chain_without_gradients_is_searched_or_refused(optimizer):
    space = Space(Gain() >> Stepped(), frozen=["gain"])
    if optimizer.needs_gradient:
        with pytest.raises(DdspLabError, match="population") as error:
            search(optimizer, space=space, truth={"stepped.gain_db": 6.0})
        assert error.value.code == "fit-needs-gradient"
    else:
        evaluate = search(optimizer, space=space, truth={"stepped.gain_db": 6.0})
        assert evaluate.best.loss < 0.1 * evaluate.loss_start


@every
def test_it_is_parallel_where_it_asks_about_whole_generations(optimizer):
    evaluate = searched(optimizer)
    assert optimizer.parallel == (np.median(evaluate.asked[1:] or [0]) >= 4)


# --- what an evaluation is


def test_costs_are_counted_in_renderings():
    evaluate = Evaluate(problem(Space(CHAIN))[0], budget=20)
    us = np.random.default_rng(0).uniform(size=(2, 7))
    evaluate.losses(us)
    assert evaluate.evaluations == 2
    evaluate.values_and_gradients(us)
    assert evaluate.evaluations == 2 + 4
    evaluate.gauss_newton(us[0])
    assert evaluate.evaluations == 6 + 1 + 7
    evaluate.gauss_newton(us[0], np.array([1, 4]))
    assert evaluate.evaluations == 14 + 1 + 2
    with pytest.raises(BudgetSpent):
        evaluate.values_and_gradients(us)
    evaluate.losses(us)
    evaluate.losses(us[0])
    assert evaluate.evaluations == 20
    for more in (lambda: evaluate.losses(us[0]), lambda: evaluate.values_and_gradients(us[0])):
        with pytest.raises(BudgetSpent):
            more()
    assert evaluate.evaluations == 20


def test_losses_do_not_depend_on_how_many_are_asked_for_or_computed_at_once():
    goal, us = problem(Space(CHAIN))[0], np.random.default_rng(0).uniform(size=(13, 7))
    whole = _problem.losses(goal, us)
    assert whole.shape == (13,)
    for count in (2, 5, 9, 12):
        np.testing.assert_array_equal(_problem.losses(goal, us[:count]), whole[:count])
    np.testing.assert_allclose(_problem.losses(goal, us[:1]), whole[:1], rtol=1e-5)
    for at_once in (4, 7, 64):
        np.testing.assert_allclose(_problem.losses(goal, us, at_once=at_once), whole, rtol=1e-5)


def test_what_is_rendered_at_once_fits_into_its_room(monkeypatch):
    goal = problem(Space(CHAIN))[0]
    assert _problem._side_by_side(goal) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    size = _problem.BUFFERS * goal.source.nbytes
    assert _problem.ROOM / 2 < _problem._side_by_side(goal) * size <= _problem.ROOM
    monkeypatch.setattr(_problem, "ROOM", 1)
    assert _problem._side_by_side(goal) == 1


def test_an_excerpt_costs_its_share_and_keeps_its_losses_to_itself():
    x = np.random.default_rng(0).standard_normal((1, SR // 2)).astype(np.float32)
    pair, space = Pair(x, 0.5 * x, NO_ALIGNMENT), Space(CHAIN)
    whole, half = (_pairs.problem([pair], [Window(0, 0, n)], space, ESR, SR) for n in (pair.samples, pair.samples // 2))
    evaluate, u = Evaluate(whole, budget=20, excerpt=half), np.full(7, 0.5)
    assert Evaluate(whole).brief.problem is whole
    evaluate.brief.losses(u)
    assert (evaluate.spent, evaluate.evaluations) == (0.5, 1)
    assert evaluate.best.loss == np.inf
    assert evaluate.brief.gauss_newton(u).loss == pytest.approx(evaluate.brief.best.loss, rel=1e-4)
    assert evaluate.spent == 0.5 + 0.5 * 8
    with pytest.raises(BudgetSpent):
        evaluate.brief.losses(np.tile(u, (32, 1)))


@pytest.mark.parametrize("prior", [0.0, 0.3])
def test_the_second_order_model_is_that_of_the_residual(prior):
    goal, _ = problem(Space(CHAIN), prior=prior)
    evaluate, u = Evaluate(goal), np.full(7, 0.4)
    model = evaluate.gauss_newton(u)
    loss, gradient = evaluate.values_and_gradients(u)
    assert model.loss == pytest.approx(loss[0], rel=1e-5)
    np.testing.assert_allclose(model.gradient, 0.5 * gradient[0], rtol=1e-3, atol=1e-5)
    jacobian = np.asarray(jax.jit(jax.jacfwd(goal.residual))(jnp.asarray(u, jnp.float32)), np.float64)
    np.testing.assert_allclose(model.curvature, jacobian.T @ jacobian, rtol=1e-3, atol=1e-6)
    free = np.array([5, 2])
    part = evaluate.gauss_newton(u, free)
    np.testing.assert_allclose(part.curvature[np.ix_(free, free)], model.curvature[np.ix_(free, free)], rtol=1e-5)
    np.testing.assert_allclose(part.gradient[free], model.gradient[free], rtol=1e-5)


def test_a_sum_of_squares_is_needed_for_it():
    goal, _ = problem(Space(CHAIN), target=MultiResolutionStft())
    with pytest.raises(DdspLabError, match="sum of squares") as error:
        Evaluate(goal).gauss_newton(np.full(7, 0.5))
    assert error.value.code == "fit-needs-residual"


def test_best_and_history_follow_the_lowest_loss():
    evaluate = Evaluate(problem(Space(CHAIN))[0])
    us = np.random.default_rng(1).uniform(size=(6, 7))
    losses = np.concatenate([evaluate.losses(us[:2]), evaluate.losses(us[2:])])
    assert evaluate.best.loss == losses.min()
    np.testing.assert_array_equal(evaluate.best.u, us[np.argmin(losses)])
    assert evaluate.history[-1][1] == losses.min()


def test_other_recordings_do_not_compile_again():
    """Audio is an argument of the compiled step, not a constant in it."""
    compiled = []
    space, us = Space(CHAIN), np.full((2, 7), 0.5)
    one, other = problem(space)[0], problem(space, {"gain.gain_db": 3.0})[0]
    Evaluate(one).values_and_gradients(us)
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if event.startswith("/jax/core/compile/") else None
    )
    Evaluate(other).values_and_gradients(0.5 * us)
    assert compiled == []


def test_adam_counts_and_survives_what_is_not_finite():
    space = Space(CHAIN)
    evaluate = Watched(problem(space)[0])
    evaluate.faulty = True
    optimizer = Adam(steps=12, starts=2)
    state = optimizer.init(jax.random.key(0), space)
    for _ in range(12):
        before = state
        state, done = optimizer.step(jax.random.key(0), evaluate, state)[:2]
        if state.skipped > before.skipped:
            jax.tree.map(np.testing.assert_array_equal, state.moments, before.moments)
    assert done
    assert state.skipped == 2 * evaluate.failed == 6
    np.testing.assert_array_equal(evaluate.points[0], space.start)


def test_no_start_is_what_the_same_seed_hides():
    """Settings drawn by a key and a search by the same key have nothing in common."""
    space, key = Space(CHAIN), jax.random.key(3)
    hidden = space.encode(space.sample(key))
    for optimizer in (replace(MEMBERS["adam"], starts=4), *(v for v in MEMBERS.values() if hasattr(v, "population"))):
        for part in vars(optimizer.init(key, space)).values():
            if isinstance(part, np.ndarray) and part.ndim == 2 and part.shape[1] == space.size:
                assert (np.abs(part - hidden).max(axis=1) > 1e-3).all()
