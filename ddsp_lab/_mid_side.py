"""One chain for what two channels share, another for how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from ._block import Audio, Block, Context, State, Values
from ._errors import AudioError, ExpressionError
from ._expression import call_text
from ._wrapper import Wrapper, inner_text
from .dsp.delay_line import late


@dataclass(frozen=True)
class MidSide(Wrapper):
    r"""`mid_side(compressor, gain)`: $y_{1, 2} = f(m) \pm g(s)$ with $m = (x_1 + x_2) / 2$, $s = (x_1 - x_2) / 2$.

    The links are called `mid` and `side`; the quicker one waits for the other. One channel is all mid; those beyond two
    pass as they are, as late as the rest.

    Reference: Blumlein, "Improvements in and relating to sound-transmission systems", British patent 394325, 1933.
    """

    mid: Block
    side: Block

    couples_channels: ClassVar[bool] = True

    @property
    def children(self) -> dict[str, Block]:
        return {"mid": self.mid, "side": self.side}

    def check_settings(self) -> None:
        for block in self.children.values():
            if not isinstance(block, Block):
                raise ExpressionError(
                    "bad-setting", f"mid_side holds {block!r}, no block.", "Write mid_side(compressor, gain)."
                )

    def channels_out(self, channels: int) -> int:
        for name, block in self.children.items():
            if (out := block.channels_out(1)) != 1:
                raise AudioError(
                    "audio-channels",
                    f"The {name} of {self} gives {out} channels for one.",
                    "Use a link that gives one.",
                )
        return channels

    def latency_samples(self, sr: int) -> int:
        return max(b.latency_samples(sr) for b in self.children.values())

    def init(self, channels: int, ctx: Context) -> State:
        latest = self.latency_samples(ctx.sr)
        links = tuple(
            (b.init(1, ctx), jnp.zeros((1, latest - b.latency_samples(ctx.sr))))
            for b in (self.children.values() if channels > 1 else [self.mid])
        )
        return links, jnp.zeros((max(0, channels - 2), latest))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        links, history = state
        after, parts = [], []
        for (name, block), part, (s, waiting) in zip(self.children.items(), coded(x), links, strict=False):
            s, y = block.step(p.get(name, {}), s, part, ctx)
            waiting, y = late(waiting, y)
            after.append((s, waiting))
            parts.append(y)
        history, rest = late(history, x[2:])
        return (tuple(after), history), jnp.concatenate([decoded(parts), rest])

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        yield from zip(self.children, coded(x), coded(y), strict=False)

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
        links = zip(self.children.items(), coded(x), coded(y), strict=False)
        parts = [block.undo(p.get(name, {}), a, b, ctx) for (name, block), a, b in links]
        known = [part for part in parts if part is not None]
        return jnp.concatenate([decoded(known), y[2:]]) if len(known) == len(parts) else None

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        if len(args) != 2:
            raise ExpressionError(
                "bad-setting", f"mid_side takes two blocks, got {len(args)}.", "Write mid_side(compressor, gain)."
            )
        return super().from_call(args, kwargs)

    @classmethod
    def example(cls) -> Block:
        from .effects import Compressor, Gain

        return cls(Compressor(), Gain())

    def __str__(self) -> str:
        return self.labelled_text(call_text(self.name, {}, map(inner_text, self.children.values())))


def coded(x: Any) -> list[Any]:
    """Mid and side of the first two channels; one channel is all mid."""
    return [x] if x.shape[0] == 1 else [0.5 * (x[:1] + x[1:2]), 0.5 * (x[:1] - x[1:2])]


def decoded(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else jnp.concatenate([parts[0] + parts[1], parts[0] - parts[1]])
