"""Compressor: feed-forward, log-domain, with attack, release, soft knee and makeup."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.ballistics import attack_release, time_constant
from ..dsp.levels import amplitude, power_db

THRESHOLD_QUANTILES = np.linspace(0.05, 0.95, 19)
KEPT = 2  # thresholds, each with four manners of following the level
CREST_DB = 6.0  # a detector that follows peaks reads about this much above the mean level
NARROWEST_KNEE_DB = 0.01  # a hard knee's second derivative is infinite; this one is inaudible


@dataclass(frozen=True)
class Compressor(StreamingBlock):
    r"""Level-dependent gain, $y_n = x_n\,10^{(M - c_n) / 20}$.

    The level $L = 10 \log_{10}(x^2 + 10^{-10})$ overshoots the threshold by $o = L - T$; the static curve asks for a
    reduction of $(1 - 1 / R)\,\max(o, 0)$, rounded by a parabola over the knee's width $W$ (for $2 |o| < W$:
    $(o + W / 2)^2 / (2 W)$). A branching one-pole follows it, $c_n = r_n + a (c_{n-1} - r_n)$ with $a = e^{-1 / (\tau
    f_s)}$, $\tau$ the attack time where the reduction grows, else the release time. Linked channels share the loudest
    one's reduction.

    Reference: Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012, section 2.
    """

    stereo_link: bool = True

    params = (
        Param("threshold_db", -60.0, 0.0, default=-20.0, unit="dB"),
        Param("ratio", 1.0, 20.0, default=3.0, scale="log"),
        Param("attack_ms", 0.1, 100.0, default=8.0, unit="ms", scale="log"),
        Param("release_ms", 5.0, 500.0, default=100.0, unit="ms", scale="log"),
        Param("knee_db", 0.0, 12.0, default=6.0, unit="dB"),
        Param("makeup_gain_db", 0.0, 24.0, default=0.0, unit="dB"),
    )

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros(1 if self.stereo_link else channels)

    def reduction_db(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        """How many dB are taken off at each sample, per detector."""
        power = x * x
        if self.stereo_link and x.shape[0] > 1:
            power = jnp.max(power, axis=0, keepdims=True)
        knee = jnp.maximum(p["knee_db"], NARROWEST_KNEE_DB)
        above = power_db(power) - p["threshold_db"] + 0.5 * knee  # the knee's beginning
        above = jnp.where(above > 0.0, above, 0.0)
        inside = jnp.where(above < knee, above, knee)  # the parabola up to the knee's end, then the straight line
        wanted = (1.0 - 1.0 / p["ratio"]) * (inside * inside / (2.0 * knee) + (above - inside))
        attack, release = (time_constant(1e-3 * p[k], ctx.sr) for k in ("attack_ms", "release_ms"))
        smooth = jax.vmap(attack_release, (0, None, None, 0))(wanted, attack, release, state.astype(x.dtype))
        return smooth[:, -1], smooth

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        state, reduction = self.reduction_db(p, state, x, ctx)
        return state, x * amplitude(p["makeup_gain_db"] - reduction)

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        """Divide out the gain that the input at hand calls for."""
        _, reduction = self.reduction_db(p, self.init(x.shape[0], ctx), x, ctx)
        return y / amplitude(p["makeup_gain_db"] - reduction)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Thresholds whose static curve explains how the short-term gain falls with the short-term level."""
        level, gain = _short_term_db(source, reference, ctx.sr)
        if level.size < 8:
            return []
        guesses = []
        for threshold in np.quantile(level, THRESHOLD_QUANTILES):
            over = np.maximum(level - threshold, 0.0)
            (slope, makeup), residual, *_ = np.linalg.lstsq(np.stack([-over, np.ones_like(over)], 1), gain)
            ratio = 1.0 / (1.0 - np.clip(slope, 0.0, 0.95))
            guesses.append(
                (float(np.sum(residual)), {"threshold_db": threshold, "ratio": ratio, "makeup_gain_db": makeup})
            )
        best = [guess for _, guess in sorted(guesses, key=lambda g: g[0])[:KEPT]]
        bounds = {q.name: q for q in self.params}
        quick, slow = {"attack_ms": 1.0, "release_ms": 30.0}, {"attack_ms": 30.0, "release_ms": 300.0}
        manners = [{"knee_db": 6.0}, {}, quick, slow]
        return [
            {k: float(np.clip(v, bounds[k].low, bounds[k].high)) for k, v in (guess | manner).items()}
            for manner in manners
            for guess in best
        ]


def _short_term_db(source: np.ndarray, reference: np.ndarray, sr: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels of the source and gains to the reference over 10 ms each, where the source is not near silence."""
    size = max(1, sr // 100)
    count = source.shape[1] // size
    x, y = (
        np.sqrt(np.mean(np.square(s[:, : count * size], dtype=np.float64).reshape(len(s), count, size), axis=(0, 2)))
        for s in (source, reference)
    )
    loud = x > 1e-3 * x.max(initial=0.0)
    level = 20.0 * np.log10(x[loud] + 1e-10) + CREST_DB
    return level, 20.0 * np.log10((y[loud] + 1e-10) / (x[loud] + 1e-10))
