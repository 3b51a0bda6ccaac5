"""Transient shaper: harder or softer strokes, longer or shorter tails, at any level."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.ballistics import attack_release, time_constant
from ..dsp.dynamics import detected, detectors
from ..dsp.levels import amplitude

FLOOR = 1e-6  # power: nothing below -60 dB re full scale is a stroke
FAST_RISE_MS, FAST_FALL_MS = 0.5, 20.0
FULL_DB = 12.0  # envelopes this far apart bring 63 % of the gain


@dataclass(frozen=True)
class TransientShaper(StreamingBlock):
    r"""$y_n = x_n\,10^{(A\,u(f - s) + S\,u(h - f)) / 20}$ with $u(d) = 1 - e^{-d / 12}$.

    $f$, $s$ and $h$ are envelopes in dB by branching one-poles: $f$ rises within 0.5 ms and falls within 20 ms; $s$
    rises only within `attack_ms`, so $f - s \ge 0$ lasts as long as a stroke begins; $h$ falls only within
    `release_ms`, so $h - f \ge 0$ while it dies away. Differences of levels in dB do not know how loud the stroke is,
    so there is no threshold. Linked channels share the gain.

    Reference: Gier, White, "SPL Transient Designer: differential envelope technology", SPL, 1999.
    """

    stereo_link: bool = True

    params = (
        Param("attack_db", -24.0, 24.0, default=6.0, unit="dB", automatable=True),
        Param("sustain_db", -24.0, 24.0, default=0.0, unit="dB", automatable=True),
        Param("attack_ms", 5.0, 100.0, default=20.0, unit="ms", scale="log"),
        Param("release_ms", 50.0, 2000.0, default=300.0, unit="ms", scale="log"),
    )

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((detectors(channels, self.stereo_link), 3))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        level = 10.0 / np.log(10.0) * jnp.log1p(detected(x, self.stereo_link) / FLOOR)
        ms = [(FAST_RISE_MS, FAST_FALL_MS), (p["attack_ms"], FAST_FALL_MS), (FAST_RISE_MS, p["release_ms"])]
        rise, fall = (
            time_constant(1e-3 * jnp.stack([jnp.asarray(m, x.dtype) for m in row]), ctx.sr)
            for row in zip(*ms, strict=True)
        )
        three = jax.vmap(attack_release, (None, 0, 0, 0))
        envelopes = jax.vmap(three, (0, None, None, 0))(level, rise, fall, state.astype(x.dtype))
        fast, slow, hanging = envelopes[:, 0], envelopes[:, 1], envelopes[:, 2]
        gain = p["attack_db"] * _share(fast - slow) + p["sustain_db"] * _share(hanging - fast)
        return envelopes[:, :, -1], x * amplitude(gain)


def _share(apart_db: Audio) -> Audio:
    return -jnp.expm1(-apart_db / FULL_DB)
