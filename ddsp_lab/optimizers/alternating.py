"""Alternating separation: re-fit one link given the others, polish all of them together, and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._block import walk
from .._evaluate import Evaluate
from .._exact import Exact
from .._optimizer import Optimizer, Round
from .._space import Space
from .levenberg_marquardt import Descent, LevenbergMarquardt

FIRST, SHORT, LONG, LAST = 12, 4, 16, 60  # steps of the first descent, of a trial, of a finalist, of the winner
PATIENT = 30  # steps of each candidate when all else has been tried
RACE = ((2, 0.6), (4, 1.0))  # steps for candidates to settle, and the share of them that stay in
FINALISTS, DRAWN = 2, 8  # candidates that are followed for long; random ones that enter the race
SOLVED = 1e-9  # a loss in the right valley, where all that is left is polish
CLOSE = 1e-3  # a loss that only recordings of the chain itself allow: worth twice the patience
FINE = 1e-6  # inaudible: one round that gains nothing is enough, and twins can be told apart
ENOUGH = 0.1  # of the best loss so far: no other finalist is tried after that
NEAR = 1e-3  # two candidates whose losses differ relatively by less are one
FLOOR = 1e-12  # what float32 leaves: losses below it say nothing
TURNS, IN_VAIN = 8, 3  # of looking for better twins, and in a row that find none
ALIKE, BETTER = 1.05, 0.5  # of its original's loss: a twin is compared by volume, or taken at once


@dataclass(frozen=True)
class Search:
    best: Descent
    round: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Alternating(Optimizer):
    """For an aligned pair: Levenberg-Marquardt, then rounds of leaving wrong local minima by separation.

    What keeps a descent from the right settings is rarely a lack of steps: a shelf does a peak's work, a threshold
    stands where a makeup gain should. So in each round every link says what it would be if the others were right (an
    equaliser from poles and zeros, a compressor from its static curve, weights by least squares, `Block.estimate`);
    the `width` most promising points are polished together for a few steps, the best two for more. After a round that
    gained nothing, links drawn at random join them. Ends once the loss is next to nothing, or after `patience` rounds
    that gain nothing and one in which every suggestion from the polished point is followed for long, with a polish down
    to `tolerance`. Where a link of a sum can do the same by other values (`Block.lookalikes`), the values with the
    larger volume around them are kept: they are the likelier ones. A chain with sums is polished in float64 at the end:
    weights lie in valleys on whose floors float32 cannot tell places apart.

    Needs a sum-of-squares target and gradients. Recovers the settings of an equaliser, compressor and gain from six
    seconds of guitar to float precision (docs/architecture.md has the figures).

    Reference for the choice among twins: MacKay, "Information Theory, Inference, and Learning Algorithms", Cambridge,
    2003, chapter 28 (the Occam factor).
    """

    width: Annotated[int, Meta(ge=1)] = 5
    patience: Annotated[int, Meta(ge=1)] = 3
    tolerance: Annotated[float, Meta(ge=0.0)] = 1e-13

    needs_gradient: ClassVar[bool] = True

    @property
    def _descent(self) -> LevenbergMarquardt:
        return LevenbergMarquardt(tolerance=max(SOLVED, self.tolerance))

    def init(self, key: Array, space: Space) -> Search:
        return Search(self._descent.start(space.start))

    def step(self, key: Array, evaluate: Evaluate, state: Search) -> Round:
        polish = LevenbergMarquardt(tolerance=self.tolerance)
        last, polished = state.failed >= self._patience(state.best.loss), None
        if not state.round:
            state = replace(state, best=self._descent.run(evaluate, state.best, FIRST))
        elif last:
            polished = polish.run(evaluate, polish.start(state.best.u), LAST)
            state = self._improved(evaluate, replace(state, best=polished), self._followed)
        else:
            state = self._improved(evaluate, state, self._raced)
        if state.best.loss > SOLVED and not (last and state.failed):
            return Round(replace(state, round=state.round + 1), False)
        best = state.best if state.best is polished else polish.run(evaluate, polish.start(state.best.u), LAST)
        if best.loss < FINE:
            best = self._told_apart(evaluate, best)
            if any(block.sums for block in walk(evaluate.problem.layout.chain)):
                best = self._exact(evaluate, best)
        return Round(replace(state, best=best), True, best.u)

    def _patience(self, loss: float) -> int:
        return 1 if loss < FINE else 2 * self.patience if loss < CLOSE else self.patience

    def _told_apart(self, evaluate: Evaluate, best: Descent) -> Descent:
        """The likeliest of its twins, theirs and so on, each of them looked for at most a few times in vain."""
        in_vain = 0
        for turn in range(TURNS):
            before, best = best, self._likeliest(evaluate, best, turn)
            in_vain = in_vain + 1 if best is before else 0
            if in_vain == (1 if best.loss <= FLOOR else IN_VAIN):
                break
        return best

    def _exact(self, evaluate: Evaluate, best: Descent) -> Descent:
        """The same valley's lowest point in float64: what a sum weighs against what lies in its rounding otherwise."""
        exact, polish = Exact(evaluate), LevenbergMarquardt(tolerance=0.0)
        if not exact.losses(best.u)[0] < FINE:  # a block whose noise depends on the precision, say
            return best
        return polish.run(exact, polish.start(best.u), LAST)

    def _likeliest(self, evaluate: Evaluate, best: Descent, turn: int) -> Descent:
        """The twin that is better, or as good and in a larger valley."""
        polish = LevenbergMarquardt(tolerance=self.tolerance)
        starts = [polish.start(u) for u in evaluate.suggested("twins", best.u, turn)]
        short = sorted(polish.run_all(evaluate.brief, starts, LONG), key=_loss)[: self.width]
        for twin in polish.run_all(evaluate, [polish.start(d.u) for d in short], LAST):
            better = twin.loss < BETTER * best.loss and best.loss > FLOOR
            alike = twin.loss <= max(ALIKE * best.loss, FLOOR)
            if better or (alike and _room(evaluate, twin) > _room(evaluate, best)):
                best = twin
        return best

    def _improved(
        self, evaluate: Evaluate, state: Search, tried: Callable[[Evaluate, Search], list[Descent]]
    ) -> Search:
        lm, best = self._descent, state.best
        trials = sorted(tried(evaluate, state), key=_loss)
        winner = best
        for starts in ([lm.start(t.u, t.damping) for t in trials[:FINALISTS]], [lm.start(best.u, damping=1e-3)]):
            winner = min([winner, *lm.run_all(evaluate, starts, LONG)], key=_loss)
            if winner.loss <= max(SOLVED, ENOUGH * best.loss):
                break
        return replace(state, best=winner, failed=0 if winner.loss < 0.5 * best.loss else state.failed + 1)

    def _followed(self, evaluate: Evaluate, state: Search) -> list[Descent]:
        """Every estimate from where the search stands, followed for long: the right one may come down late."""
        lm = self._descent
        points = evaluate.suggested("estimates", state.best.u, state.round)
        return lm.run_all(evaluate.brief, [lm.start(u) for u in points], PATIENT)

    def _raced(self, evaluate: Evaluate, state: Search) -> list[Descent]:
        """The suggestions that come out of a race."""
        lm = self._descent
        return lm.run_all(evaluate.brief, [lm.start(u) for u in self._candidates(evaluate, state)], SHORT)

    def _candidates(self, evaluate: Evaluate, state: Search) -> list[np.ndarray]:
        """The suggested points with the lowest losses once their other links have settled."""
        lm, u = self._descent, state.best.u
        points = evaluate.suggested("estimates", u, state.round)
        if state.round == 1:
            points += evaluate.suggested("alone", u, state.round)
        others = [(p, np.flatnonzero(p == u)) for p in points]
        settled = [lm.start(p, free=rest if rest.size else None) for p, rest in others]  # a lone link has no others
        if state.round > 1:
            like = evaluate.suggested("twins", u, state.round) + evaluate.suggested("lookalikes", u, state.round)
            settled += [lm.start(point) for point in like]
        if state.failed or len(settled) < self.width:
            drawn = evaluate.suggested("redrawn", u, state.round) + evaluate.suggested("restarts", u, state.round)
            settled += [lm.start(point) for point in _lowest(evaluate.brief, drawn, DRAWN)]
        for steps, share in RACE:
            settled = sorted(lm.run_all(evaluate.brief, settled, steps), key=_loss)
            settled = settled[: max(self.width, round(share * len(settled)))]
        chosen: list[np.ndarray] = []
        last = -np.inf
        for d in settled:
            if d.loss > (1.0 + NEAR) * last:
                chosen.append(d.u)
                last = d.loss
        return chosen[: self.width]


def _loss(d: Descent) -> float:
    return d.loss


def _lowest(evaluate: Evaluate, points: list[np.ndarray], count: int) -> list[np.ndarray]:
    losses = [float(loss[0]) for loss in evaluate.answers([evaluate.ask_losses(u) for u in points])]
    return [points[i] for i in np.argsort(losses)[:count]]


def _room(evaluate: Evaluate, d: Descent) -> float:
    """The logarithm of the volume of weights and mixes, in the unit cube, that do about as well. Exact twins differ by
    a reparametrisation whose determinant this is; that of all of the curvature would drown in rounding."""
    if d.model is None:
        return -np.inf
    return -0.5 * float(np.sum(np.log(np.diag(d.model.curvature)[evaluate.problem.layout.affine] + 1e-300)))
