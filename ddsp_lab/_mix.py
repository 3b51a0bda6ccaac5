"""Dry and wet of a block."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from ._block import Audio, Block, Context, State, Values
from ._errors import AudioError
from ._param import Param
from ._wrapper import Around
from .dsp.delay_line import late


@dataclass(frozen=True)
class Mix(Around):
    r"""Dry and wet of any block, $y = (1 - m) x + m f(x)$, the dry path as late as the wet one."""

    params = (Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),)

    def channels_out(self, channels: int) -> int:
        out = self.block.channels_out(channels)
        if out != channels:
            raise AudioError(
                "audio-channels", f"{self} would mix {channels} dry with {out} wet channels.", "Use a sum of branches."
            )
        return out

    def arrivals(self, sr: int) -> dict[str, int]:
        return {"mix": self.latency_samples(sr)}

    def init(self, channels: int, ctx: Context) -> State:
        return self.block.init(channels, ctx), jnp.zeros((channels, self.latency_samples(ctx.sr)))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        inner, history = state
        inner, wet = self.block.step(p.get(self.link, {}), inner, x, ctx)
        history, dry = late(history, x)
        return (inner, history), (1.0 - p["mix"]) * dry + p["mix"] * wet

    @classmethod
    def example(cls) -> Block:
        from .effects import SoftClip

        return cls(SoftClip())
