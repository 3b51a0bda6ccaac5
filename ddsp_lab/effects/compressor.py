"""Compressor: feed-forward, log-domain, with attack, release, soft knee and makeup."""

from dataclasses import dataclass
from typing import Annotated, Literal

import jax.numpy as jnp
import numpy as np
from jax import vmap
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.ballistics import mean_over
from ..dsp.crossover import high_pass
from ..dsp.delay_line import late
from ..dsp.dynamics import detected, detectors, followed, over
from ..dsp.level_curve import bends, short_term_db
from ..dsp.levels import amplitude, power_db
from ..dsp.state_space import lti
from ..dsp.svf import cascade

KEPT = 2  # thresholds, each with four manners of following the level
CURVE = (
    Param("threshold_db", -60.0, 0.0, default=-20.0, unit="dB", automatable=True),
    Param("ratio", 1.0, 20.0, default=3.0, scale="log", automatable=True),
    Param("attack_ms", 0.1, 100.0, default=8.0, unit="ms", scale="log"),
    Param("release_ms", 5.0, 500.0, default=100.0, unit="ms", scale="log"),
    Param("knee_db", 0.0, 12.0, default=6.0, unit="dB"),
    Param("makeup_gain_db", 0.0, 24.0, default=0.0, unit="dB", automatable=True),
)
MEAN = Param("rms_ms", 1.0, 100.0, default=10.0, unit="ms", scale="log")
SIDECHAIN = Param("sidechain_hz", 20.0, 2000.0, default=100.0, unit="Hz", scale="log")
MIX = Param("mix", 0.0, 1.0, default=1.0, affine=True, automatable=True)


@dataclass(frozen=True)
class Compressor(StreamingBlock):
    r"""Level-dependent gain, $y_n = x_n\,10^{(M - c_n) / 20}$.

    The level $L = 10 \log_{10}(x^2 + 10^{-10})$ overshoots the threshold by $o = L - T$; the static curve asks for a
    reduction of $(1 - 1 / R)\,\max(o, 0)$, rounded by a parabola over the knee's width $W$ (for $2 |o| < W$:
    $(o + W / 2)^2 / (2 W)$). A branching one-pole follows it, $c_n = r_n + a (c_{n-1} - r_n)$ with $a = e^{-1 / (\tau
    f_s)}$, $\tau$ the attack time where the reduction grows, else the release time. Linked channels share the loudest
    one's reduction.

    Settings bring parameters of their own: `detector="rms"` takes the running mean of $x^2$ over `rms_ms`; `sidechain`
    lets the detector hear only what is above `sidechain_hz` (second-order Butterworth); `parallel` mixes the dry signal
    in, $(1 - m)\,x + m\,y$. `lookahead_ms` delays the audio, not the detector.

    Reference: Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012, section 2.
    """

    stereo_link: bool = True
    detector: Literal["peak", "rms"] = "peak"
    sidechain: bool = False
    parallel: bool = False
    lookahead_ms: Annotated[float, Meta(ge=0.0, le=50.0)] = 0.0

    @property
    def params(self) -> tuple[Param, ...]:
        switched = (MEAN, self.detector == "rms"), (SIDECHAIN, self.sidechain), (MIX, self.parallel)
        return CURVE + tuple(q for q, on in switched if on)

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def latency_samples(self, sr: int) -> int:
        return round(1e-3 * self.lookahead_ms * sr)

    def arrivals(self, sr: int) -> dict[str, int]:
        return dict.fromkeys(("makeup_gain_db", "mix"), self.latency_samples(sr)) if self.lookahead_ms else {}

    def init(self, channels: int, ctx: Context) -> State:
        count = detectors(channels, self.stereo_link)
        follower, mean = jnp.zeros(count), jnp.zeros(count if self.detector == "rms" else 0)
        filters = jnp.zeros((channels if self.sidechain else 0, 2))
        return follower, mean, filters, jnp.zeros((channels, self.latency_samples(ctx.sr)))

    def reduction_db(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        """How many dB are taken off at each sample, per detector."""
        follower, mean, filters, audio = state
        if self.sidechain:
            system = cascade(high_pass(p["sidechain_hz"], ctx.sr))
            filters, x = vmap(lti, (None, 0, 0))(system, x, filters.astype(x.dtype))
        power = detected(x, self.stereo_link)
        if self.detector == "rms":
            power = mean_over(power, 1e-3 * p["rms_ms"], ctx.sr, mean.astype(x.dtype))
            mean = power[:, -1]
        wanted = (1.0 - 1.0 / p["ratio"]) * over(power_db(power) - p["threshold_db"], p["knee_db"])
        follower, smooth = followed(wanted, p["attack_ms"], p["release_ms"], ctx.sr, follower)
        return (follower, mean, filters, audio), smooth

    def gain(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        state, reduction = self.reduction_db(p, state, x, ctx)
        wet = amplitude(p["makeup_gain_db"] - reduction)
        return state, 1.0 - p["mix"] + p["mix"] * wet if self.parallel else wet

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        (*heard, audio), gain = self.gain(p, state, x, ctx)
        if self.lookahead_ms:
            audio, x = late(audio, x)
        return (*heard, audio), x * gain

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
        """Divide out the gain that the input at hand calls for."""
        if self.lookahead_ms:  # whose last samples are still to come
            return None
        return y / self.gain(p, self.init(x.shape[0], ctx), x, ctx)[1]

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Thresholds whose static curve explains how the short-term gain falls with the short-term level."""
        best = [
            {"threshold_db": threshold, "ratio": 1.0 / (1.0 - np.clip(slope, 0.0, 0.95)), "makeup_gain_db": rest}
            for threshold, slope, rest in bends(*short_term_db(source, reference, ctx.sr), upwards=True)[:KEPT]
        ]
        bounds = {q.name: q for q in self.params}
        quick, slow = {"attack_ms": 1.0, "release_ms": 30.0}, {"attack_ms": 30.0, "release_ms": 300.0}
        return [
            {k: float(np.clip(v, bounds[k].low, bounds[k].high)) for k, v in (guess | manner).items()}
            for manner in [{"knee_db": 6.0}, {}, quick, slow]
            for guess in best
        ]
