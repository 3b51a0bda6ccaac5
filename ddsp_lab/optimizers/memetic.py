"""Population search with descents inside: for chains in which some parameters have a gradient and others have none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from jaxtyping import Array
from msgspec import Meta
from scipy.stats import qmc

from .._evaluate import Aside, Evaluate
from .._optimizer import Optimizer, Round
from .._population import generator
from .._space import Layout, Space
from ._flock import Flock
from ._genes import Genes, Points
from ._rprop import Rprop
from .levenberg_marquardt import Descent, LevenbergMarquardt

RACE, FOLLOWED, LAST = 3, (5, 7), 40  # steps of descents that are tried, of those that lead, of the winner
LEADING, LEADS = 2, 3.0  # descents that are followed at most, and the times the best loss up to which they are
RUNNERS, CHILDREN = (1, 6), (1.0, 4.0)  # in a round: descents, and children for each coordinate
KNOWN = 0.5  # of its loss: one whose model says that a known end lies so far down is on its way there
PROMISING, IN_VAIN = 0.7, 3  # of the rough loss before, from which it is tried by the target; rough rounds in a row
DRAWN = 4  # other settings at which a suggestion is tried
SOLVED = 1e-9  # a loss in the right valley, where all that is left is polish
CHANGED = 0.9  # of the loss before a round
KEPT = 0.7  # how much of what an action has paid before counts beside what it pays now
LEAST, FLOOR = 0.3, 1e-30  # of that, which an action keeps that pays nothing; a loss that says nothing


@dataclass(frozen=True)
class State:
    layout: Layout
    fine: Flock  # by the target
    rough: Flock  # by levels in bands
    paid: tuple[float, float] = (1.0, 1.0)  # by drawing and by descending, for an evaluation
    told_at: float = np.inf  # the loss at which the links were asked last
    in_vain: int = 0  # rounds
    rough_in_vain: int = 0
    round: int = 0


@dataclass(frozen=True)
class Memetic(Optimizer):
    """Each round draws a generation, and sends descents from the best of it that are not near an earlier one.

    Children are the population moved by differences of it, and the best points with some coordinates drawn anew;
    discrete coordinates move by steps of their own kind. Descents run in all continuous coordinates for a sum of
    squares: Levenberg-Marquardt, by derivatives where there are any and by finite differences where there are none. For
    other targets they follow the signs of the gradients that there are. Those that lead after a few steps are followed,
    unless their model says that they go where an earlier one ended. What they find joins the population. Drawing and
    descending share the budget by what each has paid lately, in logarithms of the best loss for an evaluation.

    A target that compares waveforms has many valleys: there the rounds are about levels in bands, in a short excerpt,
    until that gets no better, and what they find is followed by the target. What the links of the chain suggest
    (`Block.estimate`) is tried whenever the loss has fallen. Ends at `tolerance`, after `generations`, or after
    `patience` rounds in which the loss has hardly changed.

    References: Moscato, "On evolution, search, optimization, genetic algorithms and martial arts: towards memetic
    algorithms", Caltech Concurrent Computation Program 826, 1989; Storn, Price, "Differential evolution - a simple and
    efficient heuristic for global optimization over continuous spaces", J. Global Optimization 11, 1997.
    """

    population: Annotated[int, Meta(ge=4)] | None = None
    generations: Annotated[int, Meta(ge=1)] = 500
    patience: Annotated[int, Meta(ge=1)] = 25
    tolerance: Annotated[float, Meta(ge=0.0)] = 1e-12

    handles_settings: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        size = self.population or max(24, 5 * space.size)
        drawn = qmc.LatinHypercube(space.size, rng=generator(key)).random(size - 1)
        points = Genes.of(space.layout).settled(np.concatenate([space.start[None], drawn]))
        return State(space.layout, Flock.at(points), Flock.at(points))

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        random, before = generator(key), evaluate.best.loss
        if not state.round:
            state = replace(state, fine=state.fine.joined(state.fine.points, evaluate.generation(state.fine.points)))
        if evaluate.best.loss < CHANGED * state.told_at:
            state = replace(state, told_at=evaluate.best.loss, fine=self._told(random, evaluate, state))
        rough = evaluate.rough if state.rough_in_vain < IN_VAIN else None
        if rough is None:
            fine, paid = self._searched(random, evaluate, state.fine, state)
            state = replace(state, fine=fine, paid=paid, rough_in_vain=1)
        else:
            flock, paid = self._searched(random, rough, state.rough, state)
            better = flock.losses[0] < PROMISING * state.rough.losses[0]
            fine = self._followed(evaluate, state.fine, flock.points[: int(better)], state.layout)
            state = replace(
                state, rough=flock, fine=fine, paid=paid, rough_in_vain=0 if better else state.rough_in_vain + 1
            )
        in_vain = 0 if evaluate.best.loss < CHANGED * before else state.in_vain + 1
        solved = evaluate.best.loss <= self.tolerance or (evaluate.best.loss < SOLVED and in_vain > 0)
        done = solved or in_vain >= self.patience or state.round + 1 >= self.generations
        return Round(replace(state, in_vain=in_vain, round=state.round + 1), done)

    def _told(self, random: np.random.Generator, evaluate: Evaluate, state: State) -> Flock:
        """Descents from the best of what the links suggest, as it is and with half of all else drawn anew: where the
        search stands, what is suggested may make no sound."""
        best, layout = evaluate.best, state.layout
        told = np.array(evaluate.suggested("estimates", best.u, state.round)).reshape(-1, best.u.size)
        if not len(told):
            return state.fine
        more = np.repeat(told, DRAWN, axis=0)
        free = (more == best.u) & (random.random(more.shape) < 0.5)
        told = np.concatenate([told, np.where(free, random.random(more.shape), more)])
        told = Genes.of(layout).settled(told)
        losses = evaluate.generation(told)
        lead = told[np.argsort(losses, kind="stable")[: 2 * RUNNERS[1]]]
        return self._followed(evaluate, state.fine.joined(told, losses), lead, layout)

    def _searched(
        self, random: np.random.Generator, evaluate: Evaluate, flock: Flock, state: State
    ) -> tuple[Flock, tuple[float, float]]:
        """A generation, and descents from the best of it; what either paid."""
        layout = state.layout
        share = state.paid[1] / sum(state.paid) if _descends(evaluate, layout) else 0.0
        meter = [_meter(evaluate)]
        genes = Genes.of(layout)
        count = round(_between(CHILDREN, 1.0 - share) * flock.points.shape[1])
        children = flock.children(random, genes, layout.names, count, state.in_vain)
        flock = flock.joined(children, evaluate.generation(children))
        meter.append(_meter(evaluate))
        flock = self._followed(evaluate, flock, flock.fresh(round(_between(RUNNERS, share))), layout)
        meter.append(_meter(evaluate))
        return flock, (_paid(state.paid[0], *meter[:2]), _paid(state.paid[1], *meter[1:]))

    def _followed(self, evaluate: Evaluate, flock: Flock, starts: Points, layout: Layout) -> Flock:
        """Descents from these points: all for a few steps on an excerpt, those that lead for more."""
        if not len(starts) or not _descends(evaluate, layout):
            return flock
        way: Any = Rprop()
        free = np.flatnonzero(layout.levels == 0)
        if evaluate.problem.target.least_squares:
            way = LevenbergMarquardt(tolerance=self.tolerance, differences=True)
        ran = way.run_all(evaluate.brief, [way.start(u, free=free) for u in starts], RACE)
        for steps in FOLLOWED:
            ran = sorted((d for d in ran if not _goes_to(d, flock.ended)), key=_loss)
            leading = [way.start(d.u, free=free) for d in ran[:LEADING] if d.loss <= LEADS * ran[0].loss]
            ran = way.run_all(evaluate, leading, steps)
        ran = sorted((d for d in ran if np.isfinite(d.loss)), key=_loss)
        if ran and ran[0].loss < SOLVED:
            ran = way.run_all(evaluate, ran[:1], LAST) + ran[1:]
        ended = np.array([d.u for d in ran]).reshape(-1, starts.shape[1])
        return flock.descended(starts, ended, np.array([d.loss for d in ran]))


def _descends(evaluate: Evaluate, layout: Layout) -> bool:
    """Whether there is a way down."""
    problem = evaluate.problem
    return not layout.levels.all() and (problem.target.least_squares or not problem.blind.all())


def _goes_to(d: Any, ends: Points) -> bool:
    """Whether a descent is on its way to a known end, where its own model is right that far."""
    if not isinstance(d, Descent) or d.model is None or not d.model.finite:
        return False
    to = ends - d.u
    if d.free is not None:
        to = to * np.isin(np.arange(d.u.size), d.free)
    predicted = d.model.loss + 2.0 * to @ d.model.gradient + np.einsum("ki,ij,kj->k", to, d.model.curvature, to)
    return bool((predicted < KNOWN * d.model.loss).any())


def _meter(evaluate: Evaluate) -> tuple[float, float]:
    """The best loss, and what was spent on it."""
    return evaluate.best.loss, evaluate.whole.spent if isinstance(evaluate, Aside) else evaluate.spent


def _loss(d: Any) -> float:
    return d.loss


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + share * (ends[1] - ends[0])


def _paid(earlier: float, before: tuple[float, float], after: tuple[float, float]) -> float:
    """What an action pays for an evaluation, lately; never nothing, so that it is tried again."""
    (loss, spent), (lower, further) = before, after
    if further == spent or not np.isfinite(loss):
        return earlier
    now = np.log((loss + FLOOR) / (lower + FLOOR)) / (further - spent)
    return max(KEPT * earlier + (1.0 - KEPT) * float(now), LEAST * earlier, FLOOR)
