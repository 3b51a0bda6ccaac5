"""Graphic equaliser: a fader for each octave or third of an octave."""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import graphic
from ..dsp.state_space import SCAN_STATES, row
from ..dsp.transfer import measure

OCTAVES = np.array([31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000])
DECADE = np.array([20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160])
THIRDS = np.outer(10.0 ** np.arange(4), DECADE).ravel()[:31]


@dataclass(frozen=True)
class GraphicEq(StreamingBlock):
    r"""Peaks at the ISO 266 octaves (10 bands) or thirds of octaves (31), made to add up to what the faders say.

    At every centre the response is `gain_db`, to 0.01 dB whatever the faders' places: each peak takes back what its
    neighbours do there. Between them it stays within 1.6 dB of a straight line over log frequency. Bands above 0.49 of
    the sample rate act at 0.49, by their mean.

    Reference: Välimäki, Liski, "Accurate cascade graphic equalizer", IEEE Signal Processing Letters 24(2), 2017.
    """

    bands: Literal[10, 31] = 10

    linear = True

    @property
    def centres_hz(self) -> np.ndarray:
        return OCTAVES if self.bands == 10 else THIRDS

    @property
    def params(self) -> tuple[Param, ...]:
        return (Param("gain_db", -12.0, 12.0, default=0.0, unit="dB", shape=(self.bands,)),)

    def init(self, channels: int, ctx: Context) -> State:
        count, size = graphic.groups(self.bands, SCAN_STATES // 2)
        return jnp.zeros((count, channels, 2 * size))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        ratio = 2.0 if self.bands == 10 else 2.0 ** (1.0 / 3.0)
        sections = graphic.sections(p["gain_db"], self.centres_hz, ratio, ctx.sr)
        return row(sections, x, state.astype(x.dtype))

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        """All faders turned round: each peak becomes its exact inverse."""
        return self.apply({"gain_db": -p["gain_db"]}, y, ctx)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The measured level at each centre."""
        seen = measure(source, reference, ctx.sr)
        if seen.frequency_hz.size < 2:
            return []
        level = 20.0 * np.log10(np.abs(seen.response) + 1e-10)
        return [{"gain_db": np.clip(np.interp(np.log(self.centres_hz), np.log(seen.frequency_hz), level), -12.0, 12.0)}]
