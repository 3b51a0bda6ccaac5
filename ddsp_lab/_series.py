"""One block after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, repeat

import numpy as np

from ._block import Audio, Block, Context, State, Values
from ._separate import played, undone
from ._wrapper import Row, inner_text


@dataclass(frozen=True)
class Series(Row):
    """One block after another, `a >> b >> c`."""

    def __post_init__(self) -> None:
        """Unlabelled series within a series are unfolded: the operator is associative."""
        unfolded = (b.blocks if isinstance(b, Series) and not b.label else (b,) for b in self.blocks)
        object.__setattr__(self, "blocks", tuple(chain.from_iterable(unfolded)))
        super().__post_init__()

    @classmethod
    def of(cls, *blocks: Block) -> Series:
        return cls(blocks)

    @property
    def given(self) -> Iterable[str]:
        """The first link what the chain is given, the others its sound."""
        return chain((self.blocks[0].takes,), repeat("audio"))

    @property
    def obscured(self) -> tuple[str, ...]:
        """All before the last link without a gradient."""
        last = max((i for i, b in enumerate(self.blocks) if not b.differentiable), default=0)
        return tuple(self.children)[:last]

    def channels_out(self, channels: int) -> int:
        for block in self.blocks:
            channels = block.channels_out(channels)
        return channels

    def latency_samples(self, sr: int) -> int:
        return sum(b.latency_samples(sr) for b in self.blocks)

    def arrivals(self, sr: int) -> dict[str, int]:
        late = accumulate((b.latency_samples(sr) for b in self.blocks), initial=0)
        return dict(zip(self.children, late, strict=False))

    def init(self, channels: int, ctx: Context) -> State:
        states = []
        for block in self.blocks:
            states.append(block.init(channels, ctx))
            channels = block.channels_out(channels)
        return tuple(states)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        after = []
        for (name, block), s in zip(self.children.items(), state, strict=True):
            s, x = block.step(p.get(name, {}), s, x, ctx)
            after.append(s)
        return tuple(after), x

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        inputs = [x]
        for name, block in self.children.items():
            inputs.append(played(block, p.get(name, {}), inputs[-1], ctx))
        wanted: np.ndarray | None = y
        for (name, block), source in zip(reversed(self.children.items()), reversed(inputs[:-1]), strict=True):
            yield name, source, wanted
            wanted = undone(block, p.get(name, {}), source, wanted, ctx)
            if wanted is None:
                return

    def __str__(self) -> str:
        texts = (f"({b})" if b.sums and len(b.children) > 1 and not b.label else str(b) for b in self.blocks)
        text = " >> ".join(texts) if self.blocks[1:] else f"series({inner_text(self.blocks[0])})"
        return self.labelled_text(f"({text})") if self.label else text
