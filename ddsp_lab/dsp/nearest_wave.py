"""How much of a wave is in a sound, whatever its phase."""

import numpy as np
from jaxtyping import Complex, Float

RIDGE = 1e-9  # of the energy, for a wave of which one part is missing


def nearest_wave(x: Float[np.ndarray, " t"], wave: Complex[np.ndarray, " t"]) -> tuple[Float[np.ndarray, " t"], float]:
    r"""The real part of $c\,w$ that is nearest to `x`, and $|c|$: a matter of linear least squares."""
    rows = np.stack([np.real(wave), np.imag(wave)])
    gram = rows @ rows.T
    weights = np.linalg.solve(gram + RIDGE * np.trace(gram) * np.eye(2), rows @ x)
    return weights @ rows, float(np.hypot(*weights))
