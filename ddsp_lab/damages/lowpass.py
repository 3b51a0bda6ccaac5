"""A reference without its treble."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int
from msgspec import Meta

from .._block import Audio
from .._damage import Damage
from ..dsp.fir import filtered

STEEP = 0.1  # of the cut-off: the width over which the filter falls
STOP_DB = 90.0


@dataclass(frozen=True)
class Lowpass(Damage):
    """Only what lies below `cutoff_hz` is compared: a lossy file, a narrow line, an old tape.

    A steep filter of linear phase, for the chain's sound and for the reference alike, so that it does not matter with
    which filter the treble was lost as long as that one let pass what lies below.
    """

    cutoff_hz: Annotated[float, Meta(ge=20.0, le=96_000.0)] = 16_000.0

    repeats = True

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""]) -> None:
        return None

    def apply(self, known: None, y: Audio, sr: int) -> Audio:
        taps = _taps(self.cutoff_hz, sr)
        half = taps.size // 2
        later = jnp.pad(y, ((0, 0), (0, half)))
        return filtered(later, jnp.asarray(taps, y.dtype)[None])[:, half:]


def _taps(cutoff_hz: float, sr: int) -> np.ndarray:
    """A Kaiser-windowed low-pass that has fallen to `STOP_DB` at the cut-off; one tap where nothing is above it."""
    from scipy.signal import firwin, kaiserord

    if cutoff_hz >= 0.5 * sr:
        return np.ones(1)
    width = STEEP * cutoff_hz
    count, beta = kaiserord(STOP_DB, width / (0.5 * sr))
    return firwin(count | 1, cutoff_hz - 0.5 * width, window=("kaiser", beta), fs=sr)
