"""A block at a multiple of the sample rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from ._block import Audio, Block, Context, State, Values
from ._errors import ExpressionError
from ._expression import call_text
from ._shaper import at_rate
from ._wrapper import Wrapper, inner_text, labels_of
from .dsp import oversample as rates
from .dsp.delay_line import late


@dataclass(frozen=True)
class Oversample(Wrapper):
    """Any block at `factor` times the sample rate, so that what it adds above Nyquist does not fold back.

    Linear-phase filters before and after make it 64 samples late, in addition to the block's own latency.

    Reference: Crochiere, Rabiner, "Multirate Digital Signal Processing", Prentice-Hall, 1983, section 3.3.
    """

    block: Block
    factor: Literal[1, 2, 4, 8] = 4

    @property
    def children(self) -> dict[str, Block]:
        return {labels_of((self.block,))[0]: self.block}

    @property
    def memoryless(self) -> bool:
        return self.factor == 1 and self.block.memoryless

    def check_settings(self) -> None:
        if not isinstance(self.block, Block):
            raise ExpressionError("bad-setting", f"oversample({self.block!r}) holds no block.", "Give it one.")
        if self.factor not in (1, 2, 4, 8):
            raise ExpressionError("bad-setting", f"oversample by {self.factor!r}.", "Use 1, 2, 4 or 8.")
        super().check_settings()

    def channels_out(self, channels: int) -> int:
        return self.block.channels_out(channels)

    def latency_samples(self, sr: int) -> int:
        inner = self.block.latency_samples(sr * self.factor)
        return -(-inner // self.factor) + (rates.LATENCY if self.factor > 1 else 0)

    def arrivals(self, sr: int) -> dict[str, int]:
        return dict.fromkeys(self.children, rates.HALF if self.factor > 1 else 0)

    def init(self, channels: int, ctx: Context) -> State:
        high, out = replace(ctx, sr=ctx.sr * self.factor), self.channels_out(channels)
        inner = self.block.init(channels, high)
        if self.factor == 1:
            return inner
        rest = jnp.zeros((out, -self.block.latency_samples(high.sr) % self.factor))  # up to a whole sample
        return rates.no_history(channels, self.factor, out), (inner, rest)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        ((name, block),) = self.children.items()
        if self.factor == 1:
            return block.step(p.get(name, {}), state, x, ctx)
        values, high = at_rate(block, p.get(name, {}), self.factor), replace(ctx, sr=ctx.sr * self.factor)

        def step(state: State, x: Audio) -> tuple[State, Audio]:
            inner, y = block.step(values, state[0], x, high)
            rest, y = late(state[1], y)
            return (inner, rest), y

        return rates.stepped(step, state, x, self.factor)

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        yield next(iter(self.children)), x, y

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        if len(args) != 1:
            raise ExpressionError(
                "bad-setting", f"oversample takes one block, got {len(args)}.", "Write oversample(soft_clip, factor=8)."
            )
        return Block.from_call.__func__(cls, args, kwargs)

    @classmethod
    def example(cls) -> Block:
        from .effects import HardClip

        return cls(HardClip(oversample=1))

    def __str__(self) -> str:
        changed = {k: v for k, v in self.changed_settings().items() if k != "block"}
        return self.labelled_text(call_text(self.name, changed, (inner_text(self.block),)))
