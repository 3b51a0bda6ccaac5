"""How much each moment of a sound tells, on the host."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d

ABOUT_S = 0.01  # over which noise is told
CLEAREST = 0.01  # of the loudest noise: what is less counts for no more


def clearness(left: Float[np.ndarray, " t"], rate: float) -> Float[np.ndarray, " t"]:
    """By what each moment is to be weighed where a model has `left` that much: the inverse of the noise about it.

    Reference: Aitken, "On least squares and linear combination of observations", Proceedings of the Royal Society of
    Edinburgh 55, 1935.
    """
    power = uniform_filter1d(left**2, max(1, round(ABOUT_S * rate)), mode="nearest")
    level = np.sqrt(np.maximum(power, 0.0))  # a running sum may end below 0
    return 1.0 / (level + CLEAREST * level.max() + 1e-30)
