"""Expander: what is quiet becomes quieter."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.dynamics import detected, detectors, followed, over
from ..dsp.level_curve import bends, short_term_db
from ..dsp.levels import FLOOR, amplitude, decibels, power_db

KEPT = 3  # thresholds offered as first guesses
SILENCE_DB = 0.5 * decibels(FLOOR)  # what the detector reads at silence


@dataclass(frozen=True)
class Expander(StreamingBlock):
    r"""Downward expansion, $y_n = x_n\,10^{-c_n / 20}$.

    Below the threshold $T$ the static curve takes $(R - 1)\,(T - L)$ dB off the level $L = 10 \log_{10}(x^2 +
    10^{-10})$, rounded over the knee as in a compressor, and never more than `range_db`. A branching one-pole follows
    it: `attack_ms` is the time in which 63 % of a reduction goes when the level rises, `release_ms` that in which it
    comes back. Before the recording there was silence. Linked channels share the loudest one's reduction.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 4.2.
    """

    stereo_link: bool = True

    params = (
        Param("threshold_db", -60.0, 0.0, default=-40.0, unit="dB"),
        Param("ratio", 1.0, 20.0, default=2.0, scale="log"),
        Param("attack_ms", 0.1, 100.0, default=1.0, unit="ms", scale="log"),
        Param("release_ms", 5.0, 1000.0, default=100.0, unit="ms", scale="log"),
        Param("knee_db", 0.0, 24.0, default=6.0, unit="dB"),
        Param("range_db", 0.0, 80.0, default=40.0, unit="dB"),
    )

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros(detectors(channels, self.stereo_link))  # dB by which it is more open than at silence

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        def wanted(level):
            return jnp.minimum((p["ratio"] - 1.0) * over(p["threshold_db"] - level, p["knee_db"]), p["range_db"])

        closed = wanted(jnp.asarray(SILENCE_DB, x.dtype))
        opening = closed - wanted(power_db(detected(x, self.stereo_link)))
        state, opened = followed(opening, p["attack_ms"], p["release_ms"], ctx.sr, state)
        return state, x * amplitude(opened - closed)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Thresholds below which the short-term gain falls with the level, and the most that is taken off."""
        level, gain = short_term_db(source, reference, ctx.sr)
        bounds = {q.name: q for q in self.params}
        guesses = [
            {"threshold_db": threshold, "ratio": 1.0 + slope, "range_db": rest - gain.min()}
            for threshold, slope, rest in bends(level, gain, upwards=False)[:KEPT]
        ]
        return [{k: float(np.clip(v, bounds[k].low, bounds[k].high)) for k, v in guess.items()} for guess in guesses]
