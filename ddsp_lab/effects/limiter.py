"""Limiter: nothing above the ceiling, by a gain that comes down before the peak does."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import oversample
from ..dsp.delay_line import late
from ..dsp.dynamics import detected, detectors, followed, sliding_max, sliding_mean
from ..dsp.level_curve import FEWEST, short_term_db
from ..dsp.levels import amplitude, decibels

FACTOR = 4  # at which peaks between samples are looked for
MARGIN_DB = 1e-4  # below the ceiling, for what rounding adds


class History(NamedTuple):
    """The audio on its way, and the reductions that still count, after each stage."""

    audio: Float[Array, "c l"]
    between: Float[Array, "c i"]
    wanted: Float[Array, "d w"]
    held: Float[Array, " d"]
    once: Float[Array, "d a"]
    twice: Float[Array, "d b"]


@dataclass(frozen=True)
class Limiter(StreamingBlock):
    r"""Look-ahead limiter, $y_n = 10^{(G - c_n) / 20}\,x_{n - l}$, never above the ceiling.

    Each sample asks for what it is above the ceiling, in dB. The largest that any of the last $l + 1$ samples ask for
    is taken at once and let go by a one-pole (63 % in the release time), then averaged over $l + 1$ samples by two
    boxes. Every average is over values none of which is below what sample $n - l$ asked for, so it is enough.
    With `true_peak` the largest values between samples, interpolated at four times the rate, count too, and the block
    is 32 samples later. Linked channels share the loudest one's reduction.

    References: Hämäläinen, "Smoothing of the control signal without clipped output in digital peak limiters", DAFx,
    2002; ITU-R BS.1770-5, 2023, annex 2.
    """

    stereo_link: bool = True
    lookahead_ms: Annotated[float, Meta(ge=0.0, le=50.0)] = 5.0
    true_peak: bool = False

    params = (
        Param("gain_db", 0.0, 24.0, default=0.0, unit="dB"),
        Param("ceiling_db", -24.0, 0.0, default=-1.0, unit="dB"),
        Param("release_ms", 5.0, 500.0, default=50.0, unit="ms", scale="log"),
    )

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def latency_samples(self, sr: int) -> int:
        return self._ahead(sr) + (oversample.HALF if self.true_peak else 0)

    def _ahead(self, sr: int) -> int:
        return round(1e-3 * self.lookahead_ms * sr)

    def init(self, channels: int, ctx: Context) -> State:
        ahead, count = self._ahead(ctx.sr), detectors(channels, self.stereo_link)
        return History(
            audio=jnp.zeros((channels, self.latency_samples(ctx.sr))),
            between=jnp.zeros((channels, oversample.LATENCY if self.true_peak else 0)),
            wanted=jnp.zeros((count, ahead + self.true_peak)),  # a peak between two samples concerns both
            held=jnp.zeros(count),
            once=jnp.zeros((count, ahead // 2)),
            twice=jnp.zeros((count, ahead - ahead // 2)),
        )

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        audio, delayed = late(state.audio, x)
        between, power = state.between, detected(x, self.stereo_link)
        if self.true_peak:
            between, high = oversample.interpolated(x, between, FACTOR)
            power = jnp.max(detected(high, self.stereo_link).reshape(power.shape[0], -1, FACTOR), axis=2)
        ceiling = amplitude(2.0 * (p["ceiling_db"] - MARGIN_DB - p["gain_db"]))
        excess = 10.0 / np.log(10.0) * jnp.log(jnp.maximum(power / ceiling, 1.0))
        wanted, largest = sliding_max(state.wanted, excess)
        held, reduction = followed(largest, jnp.zeros(()), p["release_ms"], ctx.sr, state.held)
        once, reduction = sliding_mean(state.once, reduction)
        twice, reduction = sliding_mean(state.twice, reduction)
        return History(audio, between, wanted, held, once, twice), delayed * amplitude(p["gain_db"] - reduction)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The ceiling is the reference's peak, the gain that of what is quiet."""
        _, gain = short_term_db(source, reference, ctx.sr)
        if gain.size < FEWEST:
            return []
        guess = {"gain_db": np.quantile(gain, 0.95), "ceiling_db": decibels(float(np.abs(reference).max()))}
        bounds = {q.name: q for q in self.params}
        return [{k: float(np.clip(v, bounds[k].low, bounds[k].high)) for k, v in guess.items()}]
