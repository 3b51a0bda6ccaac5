"""A plucked string, as the modes of a loop of one delay and one filter."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .envelopes import SHORTEST_S

DULLEST = 1e-3  # of what goes round: where a filter lets nothing pass, the logarithm of that has no end


def string_decays(
    frequency_hz: Float[Array, " k"], t60_s: Float[Array, ""], brightness: Float[Array, ""], sr: int
) -> Float[Array, " k"]:
    r"""How long each partial takes to fall by 60 dB in the loop of Karplus and Strong, the first `t60_s`.

    Once a period, $1 / f_1$, a partial goes through $\rho\,(1 - s + s \cos\omega)$, the symmetric filter of three taps
    $(s, 2 - 2 s, s) / 2$ whose delay is the same at all frequencies: the string is in tune whatever its tone. $s = 1/2$
    at a `brightness` of 0, where the filter is deaf at Nyquist, and none at 1, where all partials live equally long.
    $\rho$ is what gives the first one its time.

    Reference: Jaffe, Smith, "Extensions of the Karplus-Strong plucked-string algorithm", Computer Music Journal 7(2),
    1983.
    """
    s = 0.5 * (1.0 - brightness)
    lost = s * (1.0 - jnp.cos(2.0 * jnp.pi * jnp.minimum(frequency_hz / sr, 0.5)))
    kept = jnp.log(jnp.maximum(1.0 - lost, DULLEST))
    rate = 3.0 * np.log(10.0) / (t60_s + SHORTEST_S) - frequency_hz[0] * (kept - kept[0])
    return 3.0 * np.log(10.0) / rate


def pluck_levels(partials: int, position: Float[Array, ""], hardness: Float[Array, ""]) -> Float[Array, " k"]:
    r"""$\sin(\pi k p)\,e^{-(1 - h) k / 3}$: a string let go at the share $p$ of its length misses the partials
    that have a node there, and a soft plectrum the high ones."""
    k = np.arange(1, partials + 1).astype(np.float32)
    return jnp.sin(jnp.pi * k * position) * jnp.exp(-(1.0 - hardness) * k / 3.0)
