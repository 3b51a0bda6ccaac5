"""Alternating separation: re-fit one link given the others, polish all of them together, and again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import jax
import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._evaluate import Evaluate
from .._optimizer import Optimizer, Round
from .._space import Space
from .levenberg_marquardt import Descent, LevenbergMarquardt

FIRST, SHORT, LONG = 12, 4, 16  # steps of the first descent, of a trial and of a finalist
RACE = ((2, 0.6), (4, 1.0))  # steps for the other links to settle, and the share of candidates that stay in
FINALISTS = 2
ENOUGH = 0.1  # of the best loss so far: no other finalist is tried after that
NEAR = 1e-3  # two candidates whose losses differ relatively by less are one


@dataclass(frozen=True)
class Search:
    best: Descent | None
    start: np.ndarray
    round: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Alternating(Optimizer):
    """For an aligned pair: Levenberg-Marquardt, then rounds of leaving wrong local minima by separation.

    What keeps a descent from the right settings is rarely a lack of steps: a shelf does a peak's work, a threshold
    stands where a makeup gain should. So in each round every link says what it would be if the others were right (an
    equaliser from poles and zeros, a compressor from its static curve, weights by least squares, `Block.estimate`);
    the `width` most promising points are polished together for a few steps, the best two for more. Where the links
    have nothing to say, points drawn about the best one take their place. Stops at `tolerance`, or after `patience`
    rounds that gain nothing.

    Needs a sum-of-squares target and gradients. Recovers the settings of an equaliser, compressor and gain from six
    seconds of guitar to float precision (docs/architecture.md has the figures).
    """

    width: Annotated[int, Meta(ge=1)] = 5
    patience: Annotated[int, Meta(ge=1)] = 2
    tolerance: Annotated[float, Meta(ge=0.0)] = 1e-10

    needs_gradient = separates = True

    @property
    def _descent(self) -> LevenbergMarquardt:
        return LevenbergMarquardt(tolerance=self.tolerance)

    def init(self, key: Array, space: Space) -> Search:
        return Search(None, space.start)

    def step(self, key: Array, evaluate: Evaluate, state: Search) -> Round:
        lm = self._descent
        if state.best is None:
            best = lm.run(evaluate, lm.start(state.start), FIRST)
            return Round(replace(state, best=best), _loss(best) <= self.tolerance)
        best = state.best
        points = self._candidates(key, evaluate, best.u, state.round)
        trials = sorted((lm.run(evaluate, lm.start(u), SHORT) for u in points), key=_loss)
        winner = best
        for trial in [*trials[:FINALISTS], lm.start(best.u, damping=1e-3)]:
            winner = min(winner, lm.run(evaluate, trial, LONG), key=_loss)
            if _loss(winner) <= max(self.tolerance, ENOUGH * _loss(best)):
                break
        failed = state.failed + 1 if _loss(winner) > 0.5 * _loss(best) else 0
        done = failed >= self.patience or _loss(winner) <= self.tolerance
        return Round(Search(winner, state.start, state.round + 1, failed), done)

    def _candidates(self, key: Array, evaluate: Evaluate, u: np.ndarray, seed: int) -> list[np.ndarray]:
        """The separated points with the lowest losses once the other links have settled, made up with random ones."""
        lm = self._descent
        settled = []
        for point in evaluate.separated(u, seed):
            others = np.flatnonzero(point == u)
            if 0 < others.size < u.size:
                settled.append(lm.start(point, free=others))
        for steps, share in RACE:
            settled = sorted((lm.run(evaluate, d, steps) for d in settled), key=_loss)
            settled = settled[: max(self.width, round(share * len(settled)))]
        chosen: list[np.ndarray] = []
        last = -np.inf
        for d in settled:
            if _loss(d) > (1.0 + NEAR) * last:
                chosen.append(d.u)
                last = _loss(d)
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        while len(chosen) < self.width:
            chosen.append(np.clip(u + rng.normal(scale=0.15, size=u.size), 0.0, 1.0))
        return chosen[: self.width]


def _loss(d: Descent) -> float:
    return d.model.loss if d.model is not None else np.inf
