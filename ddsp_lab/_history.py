"""How each part of a loss went over a search."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from . import _problem
from ._evaluate import Evaluate
from ._result import Curve

MOST = 24  # points of a curve


def by_term(evaluate: Evaluate) -> dict[str, Curve]:
    """The terms of the target and the prior, weighed as in the loss, at points of the history; none where the loss has
    one part only.

    Of a long history a few points are rendered again, more of them at its beginning, where more happens.
    """
    problem, history = evaluate.problem, evaluate.history
    terms, prior = problem.target.terms(), float(problem.prior)
    if not history or (len(terms) == 1 and not prior):
        return {}
    chosen = np.unique(np.geomspace(1, len(history), MOST).round().astype(int)) - 1
    weights = np.array([weight for weight, _ in terms.values()])
    rows = []
    for i in chosen:
        u = evaluate.path[i]
        pull = prior * float(np.mean((u - np.asarray(problem.centre)) ** 2))
        if len(terms) == 1:
            parts = [history[i][1] - pull]
        else:
            parts = weights * _problem.terms(problem, jnp.asarray(u[None], jnp.result_type(float)))[0, 1:]
        rows.append([*map(float, parts), pull])
    columns = zip(*rows, strict=True)
    names = [*terms, "prior"] if prior else list(terms)
    return {
        name: tuple((history[i][0], value) for i, value in zip(chosen, column, strict=True) if np.isfinite(value))
        for name, column in zip(names, columns, strict=False)
    }
