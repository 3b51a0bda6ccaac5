"""Gate: silence between the sounds."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.dynamics import detected, detectors, followed, sliding_max
from ..dsp.level_curve import FEWEST, short_term_db
from ..dsp.levels import amplitude, power_db


@dataclass(frozen=True)
class Gate(StreamingBlock):
    r"""Noise gate, $y_n = x_n\,(r + (1 - r)\,o_n)$ with $r = 10^{-\mathrm{range} / 20}$.

    The gate wants to be open by $s = 3 u^2 - 2 u^3$, where $u$ runs from 0 to 1 as the level $10 \log_{10}(x^2 +
    10^{-10})$ crosses the knee, which lies about the threshold; so a threshold has a gradient. $s$ is held at its
    largest over the last `hold_ms`, and a branching one-pole follows it: 63 % of the way up in the attack time, down in
    the release time. Linked channels open for the loudest.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 4.2.
    """

    stereo_link: bool = True
    hold_ms: Annotated[float, Meta(ge=0.0, le=1000.0)] = 20.0

    params = (
        Param("threshold_db", -80.0, 0.0, default=-40.0, unit="dB", automatable=True),
        Param("attack_ms", 0.1, 100.0, default=1.0, unit="ms", scale="log"),
        Param("release_ms", 5.0, 1000.0, default=100.0, unit="ms", scale="log"),
        Param("knee_db", 1.0, 24.0, default=6.0, unit="dB", automatable=True),
        Param("range_db", 0.0, 80.0, default=60.0, unit="dB", automatable=True),
    )

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def init(self, channels: int, ctx: Context) -> State:
        count = detectors(channels, self.stereo_link)
        return jnp.zeros((count, round(1e-3 * self.hold_ms * ctx.sr))), jnp.zeros(count)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        before, opened = state
        level = power_db(detected(x, self.stereo_link))
        u = jnp.clip((level - p["threshold_db"]) / p["knee_db"] + 0.5, 0.0, 1.0)
        before, held = sliding_max(before, u * u * (3.0 - 2.0 * u))
        opened, opening = followed(held, p["attack_ms"], p["release_ms"], ctx.sr, opened)
        rest = amplitude(-p["range_db"])
        return (before, opened), x * (rest + (1.0 - rest) * opening)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The level at which the short-term gain is half way down, and how far down it goes."""
        level, gain = short_term_db(source, reference, ctx.sr)
        if level.size < FEWEST:
            return []
        least, most = np.quantile(gain, (0.02, 0.98))
        order = np.argsort(level)
        shut = np.concatenate([[0], np.cumsum(gain[order] < 0.5 * (least + most))])
        wrong = np.arange(shut.size) - shut + (shut[-1] - shut)  # open below the threshold, shut above
        threshold = level[order][min(int(np.argmin(wrong)), level.size - 1)]
        guess = {"threshold_db": threshold, "range_db": most - least}
        bounds = {q.name: q for q in self.params}
        return [{k: float(np.clip(v, bounds[k].low, bounds[k].high)) for k, v in guess.items()}]
