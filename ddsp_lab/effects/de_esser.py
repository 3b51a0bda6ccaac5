"""De-esser: takes the hiss out of a voice where there is too much of it."""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np
from scipy.signal import butter, sosfilt

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.crossover import no_sound, split
from ..dsp.dynamics import detected, detectors, followed, over
from ..dsp.level_curve import bends, short_term_db
from ..dsp.levels import amplitude, power_db
from ..dsp.svf import HIGHEST

KNEE_DB = 6.0
KEPT = 2  # thresholds offered as first guesses


@dataclass(frozen=True)
class DeEsser(StreamingBlock):
    r"""A compressor that hears only what is above `frequency_hz`.

    A fourth-order Linkwitz-Riley crossover takes the signal apart. The level $L$ of the high band asks for $(1 - 1 /
    R)\,(L - T)$ dB off beyond the threshold $T$, with a knee of 6 dB and no more than `range_db`, which a branching
    one-pole follows as in a compressor. With `mode="split"` it is taken off the high band, $y = l + g h$ (at rest the
    crossover's all-pass); with `mode="wide"` off the whole, $y = g x$. Linked channels share the reduction.

    Reference: Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012, section 2;
    Linkwitz, "Active crossover networks for noncoincident drivers", JAES 24(1), 1976.
    """

    mode: Literal["split", "wide"] = "split"
    stereo_link: bool = True

    params = (
        Param("frequency_hz", 2000.0, 12000.0, default=6000.0, unit="Hz", scale="log"),
        Param("threshold_db", -60.0, 0.0, default=-30.0, unit="dB", automatable=True),
        Param("ratio", 1.0, 20.0, default=4.0, scale="log", automatable=True),
        Param("attack_ms", 0.1, 50.0, default=1.0, unit="ms", scale="log"),
        Param("release_ms", 5.0, 500.0, default=50.0, unit="ms", scale="log"),
        Param("range_db", 0.0, 40.0, default=12.0, unit="dB", automatable=True),
    )

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def init(self, channels: int, ctx: Context) -> State:
        return no_sound(2, channels), jnp.zeros(detectors(channels, self.stereo_link))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        filters, reduction = state
        filters, (low, high) = split(x, p["frequency_hz"][None], ctx.sr, filters)
        level = power_db(detected(high, self.stereo_link))
        wanted = jnp.minimum((1.0 - 1.0 / p["ratio"]) * over(level - p["threshold_db"], KNEE_DB), p["range_db"])
        reduction, smooth = followed(wanted, p["attack_ms"], p["release_ms"], ctx.sr, reduction)
        gain = amplitude(-smooth)
        return (filters, reduction), low + gain * high if self.mode == "split" else gain * x

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Thresholds that explain how the high band's short-term gain falls with its level."""
        bounds = {q.name: q for q in self.params}
        frequency = float((p or {}).get("frequency_hz", bounds["frequency_hz"].default))
        butterworth = butter(2, min(frequency / ctx.sr, HIGHEST), "high", fs=1.0, output="sos")
        high = [sosfilt(np.tile(butterworth, (2, 1)), signal) for signal in (source, reference)]
        level, gain = short_term_db(high[0], high[1], ctx.sr)
        guesses = [
            {"threshold_db": threshold, "ratio": 1.0 / (1.0 - np.clip(slope, 0.0, 0.95)), "range_db": rest - gain.min()}
            for threshold, slope, rest in bends(level, gain, upwards=True)[:KEPT]
        ]
        return [{k: float(np.clip(v, bounds[k].low, bounds[k].high)) for k, v in guess.items()} for guess in guesses]
