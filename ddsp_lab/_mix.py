"""Dry and wet of a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from ._block import Audio, Block, Context, State, Values
from ._errors import AudioError, ExpressionError
from ._expression import call_text
from ._param import Param
from ._wrapper import Wrapper, inner_text, labels_of
from .dsp.delay_line import late


@dataclass(frozen=True)
class Mix(Wrapper):
    r"""Dry and wet of any block, $y = (1 - m) x + m f(x)$, the dry path as late as the wet one."""

    block: Block

    params = (Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),)

    @property
    def children(self) -> dict[str, Block]:
        return {labels_of((self.block,), "mix")[0]: self.block}

    @property
    def _link(self) -> tuple[str, Block]:
        return next(iter(self.children.items()))

    def check_settings(self) -> None:
        if not isinstance(self.block, Block):
            raise ExpressionError("bad-setting", f"mix({self.block!r}) holds no block.", "Write mix(delay).")
        super().check_settings()

    def channels_out(self, channels: int) -> int:
        out = self.block.channels_out(channels)
        if out != channels:
            raise AudioError(
                "audio-channels", f"{self} would mix {channels} dry with {out} wet channels.", "Use a sum of branches."
            )
        return out

    def latency_samples(self, sr: int) -> int:
        return self.block.latency_samples(sr)

    def arrivals(self, sr: int) -> dict[str, int]:
        return {"mix": self.latency_samples(sr)}

    def init(self, channels: int, ctx: Context) -> State:
        return self.block.init(channels, ctx), jnp.zeros((channels, self.latency_samples(ctx.sr)))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        name, block = self._link
        inner, history = state
        inner, wet = block.step(p.get(name, {}), inner, x, ctx)
        history, dry = late(history, x)
        return (inner, history), (1.0 - p["mix"]) * dry + p["mix"] * wet

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        if len(args) != 1:
            raise ExpressionError("bad-setting", f"mix takes one block, got {len(args)}.", "Write mix(delay, mix=0.3).")
        return Block.from_call.__func__(cls, args, kwargs)

    @classmethod
    def example(cls) -> Block:
        from .effects import SoftClip

        return cls(SoftClip())

    def __str__(self) -> str:
        return self.labelled_text(call_text(self.name, dict(self.start), (inner_text(self.block),)))
