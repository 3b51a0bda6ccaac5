"""Reverb after Schroeder and Moorer: eight damped combs side by side, then four all-passes."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from .._separate import played
from ..dsp import fdn
from ..dsp.reverberation import matches

TUNED_AT = 44_100
COMBS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)  # samples at that rate
ALL_PASSES = (556, 441, 341, 225)
SPREAD = 23  # samples by which each further channel's lines are longer
DIFFUSION = 0.5
KEPT = 5  # guesses
GAIN = 0.03  # makes the wet sound of a middling room about as loud as the dry


@dataclass(frozen=True)
class Freeverb(StreamingBlock):
    r"""Eight combs $\frac{z^{-N}}{1 - f \frac{1 - d}{1 - d z^{-1}} z^{-N}}$ a channel, summed, then four sections
    $\frac{-1 + (1 + g) z^{-N}}{1 - g z^{-N}}$ with $g = 0.5$, nearly all-pass.

    $f = 0.7 + 0.28\,$`room_size` and $d = 0.4\,$`damping`. All channels drive all combs; each next channel's lines are
    23 samples longer. `width` 1 keeps the channels as they come, 0 makes them alike. Lengths are in samples at 44.1
    kHz and scaled to other rates. `reverberation_s` says how long 60 dB take.

    References: Schroeder, "Natural sounding artificial reverberation", JAES 10(3), 1962; Moorer, "About this
    reverberation business", Computer Music Journal 3(2), 1979; Smith, "Physical Audio Signal Processing", W3K, 2010,
    section "Freeverb".
    """

    params = (
        Param("room_size", 0.0, 1.0, default=0.5),
        Param("damping", 0.0, 1.0, default=0.5),
        Param("width", 0.0, 1.0, default=1.0),
        Param("mix", 0.0, 1.0, default=0.3, affine=True),
    )

    linear = True
    echoes = True
    couples_channels = True

    def _lengths(self, base: tuple[int, ...], channel: int, sr: int) -> tuple[int, ...]:
        return tuple(max(2, round((n + channel * SPREAD) * sr / TUNED_AT)) for n in base)

    def reverberation_s(self, p: Values, sr: int) -> Float[Array, ""]:
        """Seconds by which low frequencies fall by 60 dB, from the combs' mean slope when they have fallen by 15."""
        feedback = 0.7 + 0.28 * p["room_size"]
        return -3.0 / sr * self._length(sr) / jnp.log10(feedback)

    def _length(self, sr: int) -> float:
        lengths = np.array(self._lengths(COMBS, 0, sr))
        left = 10.0 ** (-1.5 * np.mean(lengths) / lengths)  # of the energy: long combs ring on
        return float(np.sum(left) / np.sum(left / lengths))

    def init(self, channels: int, ctx: Context) -> State:
        combs = [fdn.memory(self._lengths(COMBS, c, ctx.sr)) for c in range(channels)]
        return combs, [fdn.memory(self._across(n, channels, ctx.sr)) for n in ALL_PASSES]

    def _across(self, base: int, channels: int, sr: int) -> tuple[int, ...]:
        return tuple(self._lengths((base,), c, sr)[0] for c in range(channels))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        feedback, pole = 0.7 + 0.28 * p["room_size"], 0.4 * p["damping"]
        dry = jnp.mean(x, axis=0)[:, None]
        taps, poles = (jnp.broadcast_to(v, (1, len(COMBS))) for v in (feedback * (1.0 - pole), pole))
        combs, sums = [], []
        for c, before in enumerate(state[0]):
            net = fdn.Lines(self._lengths(COMBS, c, ctx.sr), taps, poles, "none")
            after, damped = fdn.reverb(dry, np.ones((len(COMBS), 1)), net, before)
            last = jnp.sum(before.v, axis=1, keepdims=True)
            sums.append(damped - pole * jnp.concatenate([last.astype(x.dtype), damped[:-1]]))
            combs.append(after)
        wet = jnp.concatenate(sums, axis=1) * (GAIN / taps[0, 0])  # a comb is heard before its damping
        passes = []
        for n, before in zip(ALL_PASSES, state[1], strict=True):
            after, late = fdn.comb(wet, self._across(n, x.shape[0], ctx.sr), DIFFUSION, before)
            wet = late - wet
            passes.append(after)
        wet = wet.T + (1.0 - p["width"]) * (jnp.mean(wet.T, axis=0) - wet.T)
        return (combs, passes), (1.0 - p["mix"]) * x + p["mix"] * wet

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """A few rooms on the source, those first that explain most; all that is late is wet."""
        grid = [
            {"room_size": room, "damping": damping} for room in (0.05, 0.3, 0.6, 0.9) for damping in (0.1, 0.5, 0.9)
        ]
        alone = {"width": 1.0, "mix": 1.0}
        found = zip(
            matches(source, reference, [played(self, g | alone, source, ctx) for g in grid], 0), grid, strict=True
        )
        best = sorted(found, key=lambda f: f[0].left)[:KEPT]
        return [g | {"mix": m.mix} for m, g in best]
