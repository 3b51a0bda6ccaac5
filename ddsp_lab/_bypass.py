"""A block that can be switched off where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ._block import Audio, Block, Context, State, Values
from ._wrapper import Around
from .dsp.delay_line import late


@dataclass(frozen=True)
class Bypass(Around):
    """A block switched off: $y = x$, as late as the block would be. With `bypassed=false` it is the block itself.

    The block's values stay under the same paths either way, so that one preset serves both; while it is off no search
    moves them. How much of a block is heard, rather than whether, is for `mix`.
    """

    bypassed: bool = True

    @property
    def asleep(self) -> tuple[str, ...]:
        return (self.link,) if self.bypassed else ()

    @property
    def memoryless(self) -> bool:
        return self.latency_samples(48_000) == 0 if self.bypassed else self.block.memoryless

    @property
    def differentiable(self) -> bool:
        return self.bypassed or self.block.differentiable

    @property
    def linear(self) -> bool:
        return self.bypassed or self.block.linear

    @property
    def time_invariant(self) -> bool:
        return self.bypassed or self.block.time_invariant

    @property
    def couples_channels(self) -> bool:
        return not self.bypassed and self.block.couples_channels

    @property
    def inverts(self) -> bool:
        return not self.bypassed and self.block.inverts

    @property
    def echoes(self) -> bool:
        return not self.bypassed and self.block.echoes

    def channels_out(self, channels: int) -> int:
        return channels if self.bypassed else self.block.channels_out(channels)

    def init(self, channels: int, ctx: Context) -> State:
        if self.bypassed:
            return jnp.zeros((channels, self.latency_samples(ctx.sr)))
        return self.block.init(channels, ctx)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        return late(state, x) if self.bypassed else self.block.step(p.get(self.link, {}), state, x, ctx)

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        if not self.bypassed:
            yield self.link, x, y

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
        return y if self.bypassed else self.block.undo(p.get(self.link, {}), x, y, ctx)

    @classmethod
    def example(cls) -> Block:
        from .effects import Compressor

        return cls(Compressor(), bypassed=False)
