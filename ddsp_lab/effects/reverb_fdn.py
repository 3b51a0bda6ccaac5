"""Reverb: a feedback delay network of eight or sixteen lines."""

from dataclasses import dataclass
from typing import Annotated, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from msgspec import Meta
from scipy.linalg import hadamard

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import fdn
from ..dsp.reverberation import tail

DARKEST = 1e-3  # a line may lose 60 dB at Nyquist in one pass; darker would stop its low end too
SHORTEST_RATIO = 0.33  # of the longest line: lengths are spread evenly in pitch, then moved to primes


@dataclass(frozen=True)
class ReverbFdn(StreamingBlock):
    r"""Late reverberation: delay lines of prime lengths, mixed by a Householder reflection or a Hadamard matrix.

    Each line of $D_i$ samples loses $g_i = 10^{-3 D_i / (f_s T)}$, so that all decay by 60 dB in $T$ = `decay_s`. With
    `decay="damped"` a one-pole low-pass in each makes the decay at Nyquist $\alpha T$ with $\alpha = 1 -
    0.9\,$`damping`: $p_i = (1 - r) / (1 + r)$, $r = g_i^{1 / \alpha - 1}$. With `decay="three_band"` two first-order
    shelves make it $T\,$`decay_low` below `low_hz` and $T\,$`decay_high` above `high_hz`. `size_ms` is the longest
    line. Channels enter and leave through the rows of a Hadamard matrix, so that each hears its own pattern.

    References: Jot, Chaigne, "Digital delay networks for designing artificial reverberators", AES 90th Convention,
    1991; Jot, "Proportional parametric equalizers", AES 139th Convention, 2015.
    """

    size_ms: Annotated[float, Meta(ge=5.0, le=500.0)] = 80.0
    lines: Literal[8, 16] = 8
    matrix: Literal["householder", "hadamard"] = "householder"
    decay: Literal["damped", "three_band"] = "damped"

    linear = True
    echoes = True
    couples_channels = True

    @property
    def params(self) -> tuple[Param, ...]:
        shape = (
            (Param("damping", 0.0, 1.0, default=0.5),)
            if self.decay == "damped"
            else (
                Param("decay_low", 0.25, 4.0, default=1.0, scale="log"),
                Param("decay_high", 0.1, 1.0, default=0.5, scale="log"),
                Param("low_hz", 50.0, 1000.0, default=250.0, unit="Hz", scale="log"),
                Param("high_hz", 1000.0, 16_000.0, default=4000.0, unit="Hz", scale="log"),
            )
        )
        decay = Param("decay_s", 0.1, 20.0, default=1.5, unit="s", scale="log")
        return (decay, *shape, Param("mix", 0.0, 1.0, default=0.3, affine=True))

    def delays(self, sr: int) -> tuple[int, ...]:
        return fdn.line_lengths(round(1e-3 * self.size_ms * sr), np.geomspace(SHORTEST_RATIO, 1.0, self.lines))

    def init(self, channels: int, ctx: Context) -> State:
        damped = self.decay == "damped"
        return fdn.memory(self.delays(ctx.sr), taps=1 if damped else 3, poles=1 if damped else 2)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        delays = self.delays(ctx.sr)
        taps, poles = (self._damped if self.decay == "damped" else self._shelved)(p, delays, ctx.sr)
        pattern = hadamard(self.lines) / np.sqrt(self.lines)
        rows = pattern[:, np.arange(x.shape[0]) + 1 & self.lines - 1]
        state, wet = fdn.reverb(x.T, rows, fdn.Lines(delays, taps, poles, self.matrix), state)
        return state, (1.0 - p["mix"]) * x + p["mix"] * wet.T

    def _damped(self, p: Values, delays: tuple[int, ...], sr: int) -> tuple[Array, Array]:
        loss = -3.0 * np.log(10.0) / sr * jnp.asarray(delays) / p["decay_s"]
        alpha = 1.0 - 0.9 * p["damping"]
        at_nyquist = jnp.maximum(jnp.exp(loss * (1.0 / alpha - 1.0)), DARKEST)
        pole = (1.0 - at_nyquist) / (1.0 + at_nyquist)
        return (jnp.exp(loss) * (1.0 - pole))[None], pole[None]

    def _shelved(self, p: Values, delays: tuple[int, ...], sr: int) -> tuple[Array, Array]:
        r"""$H = g\,\frac{s + w_l \sqrt{l}}{s + w_l / \sqrt l}\,\frac{h s + w_h \sqrt h}{s + w_h \sqrt h}$ a line."""
        loss = -3.0 * np.log(10.0) / sr * jnp.asarray(delays) / p["decay_s"]
        low, high = (
            jnp.sqrt(jnp.maximum(jnp.exp(loss * (1.0 / p[k] - 1.0)), DARKEST)) for k in ("decay_low", "decay_high")
        )
        w_low, w_high = (jnp.tan(np.pi * jnp.minimum(p[k] / sr, 0.49)) for k in ("low_hz", "high_hz"))
        top, bottom = ((1.0 + w_low * a, w_low * a - 1.0) for a in (low, 1.0 / low))
        above, below = (high * (high + w_high), high * (w_high - high)), (1.0 + w_high * high, w_high * high - 1.0)
        gain = jnp.exp(loss) / (bottom[0] * below[0])
        taps = jnp.stack([top[0] * above[0], top[0] * above[1] + top[1] * above[0], top[1] * above[1]])
        return gain * taps, jnp.stack([-bottom[1] / bottom[0], -below[1] / below[0]])

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Decay from the backward-integrated impulse response, mix from the energy before and after the first line."""
        heard = tail(source, reference, min(self.delays(ctx.sr)), ctx.sr)
        if heard is None:
            return []
        decay, mix = heard
        darker = ({"damping": 0.3}, {"damping": 0.7}, {"damping": 0.0}) if self.decay == "damped" else ({}, {}, {})
        return [
            {"decay_s": float(np.clip(decay * longer, 0.1, 20.0)), "mix": mix, **damping}
            for damping, longer in zip(darker, (1.0, 1.4, 1.0), strict=True)
        ]
