"""How much of a wave is in a sound, whatever its phase."""

import numpy as np
from jaxtyping import Complex, Float

RIDGE = 1e-9  # of the energy, for a wave of which one part is missing


def nearest_wave(
    x: Float[np.ndarray, " t"], wave: Complex[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " t"], complex]:
    r"""The imaginary part of $c\,w$ that is nearest to `x`, and $c$: a matter of linear least squares.

    So $|c|$ and the angle of $c$ are the amplitude and the phase of a sine.
    """
    rows = np.stack([np.real(wave), np.imag(wave)])
    gram = rows @ rows.T
    weights = np.linalg.solve(gram + RIDGE * np.trace(gram) * np.eye(2), rows @ x)
    return weights @ rows, complex(weights[1], weights[0])
