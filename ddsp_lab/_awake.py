"""Starts from which no gradient leads away, such as silence, whose short-time spectra have no slope."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Array, Float

from ._errors import FitError
from ._evaluate import Evaluate

DRAWS = 16
NOTHING = 1e-8  # a loss that is all rounding: there is nowhere to go


def awake(
    evaluate: Evaluate, us: Float[np.ndarray, "k n"], key: Array
) -> tuple[Float[np.ndarray, "k n"], Float[np.ndarray, " k"], Float[np.ndarray, "k n"]]:
    """Points to start from, with their losses and gradients: `us`, where one of them is dead a random point instead.

    A start is dead where the loss is not next to nothing and no parameter changes it. Raises `FitError`
    (`fit-dead-start`) where every point drawn is.
    """
    for i in range(DRAWS):
        losses, gradients = evaluate.values_and_gradients(us)
        dead = (losses > NOTHING) & ~gradients.any(axis=1)
        if not dead.any():
            return us, losses, gradients
        evaluate.notes["fit-dead-start"] = (
            "No parameter changed the loss where the chain started (is it silent there?): a random point was taken."
        )
        us = np.where(dead[:, None], jax.random.uniform(jax.random.fold_in(key, i), us.shape), us)
    raise FitError(
        "fit-dead-start",
        f"No parameter changes the loss, neither where the chain starts nor at {DRAWS} points drawn at random.",
        "Start it where it makes a sound that the target hears, free more parameters, or choose another target.",
    )
