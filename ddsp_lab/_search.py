"""Rounds of an optimizer: until it is done, the budget is spent, or what it cannot see no longer gets better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from ._errors import FitError
from ._evaluate import BudgetSpent, Evaluate
from ._optimizer import Optimizer
from ._space import Space

SPARSE = 1.05  # how many more evaluations there have to be before the held-out part is looked at again
OVERFIT, WARNINGS = 1.5, 10  # a score this much above its lowest, so often in a row, ends a fit
FRUITLESS = 1000  # evaluations without a finite loss, after which none is to be expected


@dataclass
class Search:
    """Rounds of an optimizer, watched on what it does not see."""

    evaluate: Evaluate
    space: Space
    optimizer: Optimizer
    seed: int
    on_round: Callable[[], Any] = lambda: None
    loss_start: float = np.inf
    checks: list[tuple[float, np.ndarray]] = field(default_factory=list)
    checked_at: int = 0
    warnings: int = 0

    def run(self) -> np.ndarray:
        """The point to keep: the optimizer's answer or the best seen, unless that has left the held-out part behind."""
        answer = None
        try:
            answer = self._rounds()
        except BudgetSpent:
            pass
        except KeyboardInterrupt:
            raise self._interrupted() from None
        best = self.evaluate.best
        if not np.isfinite(best.loss):
            raise FitError(
                "fit-diverged",
                f"None of {self.evaluate.evaluations} evaluations gave a finite loss.",
                "Check the recordings, narrow the start, or give a larger budget.",
            )
        if answer is not None:
            return answer
        self._check()
        lowest = min(self.checks, key=lambda c: c[0], default=(np.inf, best.u))
        return lowest[1] if self.checks and self.checks[-1][0] > OVERFIT * lowest[0] else best.u

    def _rounds(self) -> np.ndarray | None:
        key = jax.random.key(self.seed)
        self.loss_start = float(self.evaluate.losses(self.space.start)[0])
        state = self.optimizer.init(key, self.space)
        done, count, answer = False, 0, None
        while not done and self.warnings < WARNINGS and not self._fruitless:
            before = self.evaluate.best.loss
            state, done, answer = self.optimizer.step(jax.random.fold_in(key, count), self.evaluate, state)
            count += 1
            if self.evaluate.best.loss < before and self.evaluate.evaluations > SPARSE * self.checked_at:
                self._check()
                self.on_round()
        return answer

    @property
    def _fruitless(self) -> bool:
        return not np.isfinite(self.evaluate.best.loss) and self.evaluate.evaluations >= FRUITLESS

    def _check(self) -> None:
        """Look at the held-out part; the score is what is lost on both, so that neither alone decides."""
        best = self.evaluate.best
        if self.evaluate.unseen is None or (self.checks and np.array_equal(self.checks[-1][1], best.u)):
            return
        self.checked_at = self.evaluate.evaluations
        self.checks.append((best.loss + self.evaluate.held_out(best.u), best.u))
        overfit = self.checks[-1][0] > OVERFIT * min(score for score, _ in self.checks)
        self.warnings = self.warnings + 1 if overfit else 0

    def _interrupted(self) -> FitError:
        if self.evaluate.journal is not None:
            self.evaluate.journal.sync()
        if np.isfinite(self.evaluate.best.loss):
            self.on_round()
        kept = "the run folder holds it" if self.evaluate.journal else "without a folder nothing of it was kept"
        return FitError(
            "fit-interrupted",
            f"Stopped after {self.evaluate.evaluations} evaluations, loss {self.evaluate.best.loss:.3g}; {kept}.",
            "Give the same command again to go on.",
        )
