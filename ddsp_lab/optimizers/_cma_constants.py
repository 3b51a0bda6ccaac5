"""How fast CMA-ES learns what, by its population and the number of parameters (Hansen 2016, table 1)."""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np


class Constants(NamedTuple):
    weights: np.ndarray
    mu: float
    c_1: float
    c_mu: float
    c_sigma: float
    damping: float
    c_path: float


def constants(population: int, n: int, separable: bool) -> Constants:
    """The tutorial's defaults; `separable` where variances alone are learnt (Ros, Hansen 2008)."""
    raw = log((population + 1) / 2) - np.log(np.arange(1, population + 1))
    good, bad = np.clip(raw, 0.0, None), np.clip(-raw, 0.0, None)
    mu, mu_bad = (float(w.sum() ** 2 / (w**2).sum()) for w in (good, bad))
    faster = (n + 2.0) / 3.0 if separable else 1.0  # fewer numbers are learnt faster
    c_1 = faster * 2.0 / ((n + 1.3) ** 2 + mu)
    c_mu = min(1.0 - c_1, faster * 2.0 * (0.25 + mu + 1.0 / mu - 2.0) / ((n + 2.0) ** 2 + mu))
    share = min(1.0 + c_1 / c_mu, 1.0 + 2.0 * mu_bad / (mu + 2.0), (1.0 - c_1 - c_mu) / (n * c_mu))
    c_sigma = (mu + 2.0) / (n + mu + 5.0)
    damping = 1.0 + 2.0 * max(0.0, sqrt((mu - 1.0) / (n + 1.0)) - 1.0) + c_sigma
    c_path = (4.0 + mu / n) / (n + 4.0 + 2.0 * mu / n)
    return Constants(good / good.sum() - share * bad / bad.sum(), mu, c_1, c_mu, c_sigma, damping, c_path)
