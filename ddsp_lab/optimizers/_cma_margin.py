"""A margin for CMA-ES, so that it does not fall asleep in a cell of a discrete coordinate, where the loss is flat."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from jaxtyping import Float


def with_margin(
    covariance: Float[np.ndarray, ...],
    mean: Float[np.ndarray, " n"],
    sigma: float,
    levels: np.ndarray,
    population: int,
) -> Float[np.ndarray, ...]:
    r"""The covariance, stretched until each discrete coordinate is drawn into the next cell once in $n$ generations.

    The least deviation is $d / \Phi^{-1}(1 - 1 / (\lambda n))$, $d$ the way to the nearest edge between two cells.
    Reference: Hamano, Saito, Nomura, Shirakawa, "CMA-ES with margin: lower-bounding marginal probability for
    mixed-integer black-box optimization", GECCO, 2022 (which moves the mean as well).
    """
    if not levels.any():
        return covariance
    place = levels * (1.0 - np.abs(1.0 - mean % 2.0))  # in cells
    within = place - np.clip(np.floor(place), 0, np.maximum(levels - 1, 0))
    down = np.where(place >= 1.0, within, np.inf)
    up = np.where(place < levels - 1, 1.0 - within, np.inf)
    least = np.minimum(down, up) / np.maximum(levels, 1) / NormalDist().inv_cdf(1.0 - 1.0 / (population * mean.size))
    now = sigma * np.sqrt(np.maximum(covariance if covariance.ndim == 1 else np.diag(covariance), 1e-30))
    stretch = np.where(levels, np.maximum(least / now, 1.0), 1.0)
    return covariance * (stretch**2 if covariance.ndim == 1 else np.outer(stretch, stretch))
