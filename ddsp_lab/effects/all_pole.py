"""All-pole filter: the resonances of a body, a voice or a cabinet."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lpc
from ..dsp.levels import amplitude, decibels
from ..dsp.lpc_fit import all_pole_fits
from ..dsp.state_space import lti
from ..dsp.svf import StateSpace

MOST = 0.999
GAIN_DB = 60.0


@dataclass(frozen=True)
class AllPole(StreamingBlock):
    r"""$y_n = g\,\sqrt{\prod_m (1 - k_m^2)}\;x_n - \sum_{j=1}^p a_j y_{n-j}$, $a$ from the reflection coefficients $k$
    by $A_m(z) = A_{m-1}(z) + k_m z^{-m} A_{m-1}(1/z)$.

    Stable at every setting, because all $|k_m| < 1$. At a `gain_db` of 0 white noise leaves it as loud as it came, so
    that resonances do not change the level. Two coefficients make one resonance. It runs as a normalised lattice,
    whose rounding is that of a rotation.

    Reference: Gray, Markel, "A normalized digital filter structure", IEEE Transactions on Acoustics, Speech, and Signal
    Processing 23(3), 1975.
    """

    order: Annotated[int, Meta(ge=1, le=32)] = 4

    linear = True

    @property
    def params(self) -> tuple[Param, Param]:
        return (
            Param("reflection", -MOST, MOST, default=0.0, shape=(self.order,)),
            Param("gain_db", -GAIN_DB, GAIN_DB, default=0.0, unit="dB"),
        )

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, self.order))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        rows = lpc.lattice_rows(p["reflection"])
        a, b = rows[:, :-1], rows[:, -1]
        after, y = lti(StateSpace(a - np.eye(self.order), b, a[0], b[0]), x, state.astype(x.dtype))
        return after, amplitude(p["gain_db"]) * y

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        k = p["reflection"]
        level = amplitude(p["gain_db"]) * jnp.sqrt(jnp.prod((1.0 - k) * (1.0 + k)))
        return lpc.prediction_residual(y, lpc.reflection_to_filter(k)) / level

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The filter whose inverse gives the source back, and that of the measured response's envelope."""
        return [
            {
                "reflection": np.clip(k, -MOST, MOST).astype(np.float32),
                "gain_db": float(np.clip(decibels(level), -GAIN_DB, GAIN_DB)),
            }
            for k, level in all_pole_fits(source, reference, ctx.sr, self.order)
        ]
