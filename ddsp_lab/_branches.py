"""Blocks side by side, all of which hear the same."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar

import jax.numpy as jnp

from ._block import Audio, Block, Context, State, Values
from ._errors import AudioError
from ._wrapper import Row, labels_of
from .dsp.delay_line import late


@dataclass(frozen=True)
class Branches(Row, abc.ABC):
    """A row of blocks that all hear the same. Each is delayed to the latest of them, so that they stay in phase."""

    reserved: ClassVar[tuple[str, ...]] = ()  # names of its parameters, which are no labels

    @property
    def children(self) -> dict[str, Block]:
        return dict(zip(labels_of(self.blocks, self.reserved), self.blocks, strict=True))

    @property
    def obscured(self) -> tuple[str, ...]:
        return ()

    @property
    def given(self) -> Iterable[str]:
        return repeat(self.blocks[0].takes)

    def channels_out(self, channels: int) -> int:
        counts = {k: b.channels_out(channels) for k, b in self.children.items()}
        if len(set(counts.values())) > 1:
            raise AudioError(
                "audio-channels",
                f"The branches of {self} give different channel counts: {counts}.",
                "Give every branch the same number of channels.",
            )
        return next(iter(counts.values()))

    def latency_samples(self, sr: int) -> int:
        return max(b.latency_samples(sr) for b in self.blocks)

    def init(self, channels: int, ctx: Context) -> State:
        """Of each branch its own state, and what it has given that is still to come."""
        latest = self.latency_samples(ctx.sr)
        return tuple(
            (b.init(channels, ctx), jnp.zeros((b.channels_out(channels), latest - b.latency_samples(ctx.sr))))
            for b in self.blocks
        )

    def branch(self, name: str, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        """One step of one branch, as late as the latest."""
        inner, history = state
        inner, y = self.children[name].step(p.get(name, {}), inner, x, ctx)
        history, y = late(history, y)
        return (inner, history), y
