"""Blocks that hold blocks: what they are follows from what they hold."""

from __future__ import annotations

import abc
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from ._block import Block, StreamingBlock
from ._errors import ExpressionError
from ._expression import call_text
from ._registry import Registered


def labels_of(blocks: Iterable[Block], reserved: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the links of a chain: their labels, else their block's name, repeats with `_2`, `_3`.

    `reserved` are the names of parameters that stand beside them.
    """
    blocks, reserved, count = tuple(blocks), set(reserved), Counter[str]()
    taken = set(reserved)
    for label in (b.label for b in blocks if b.label):
        if label in taken:
            whose = "a parameter" if label in reserved else "another link"
            raise ExpressionError("bad-setting", f"{label!r} is the name of {whose}.", "Label the link otherwise.")
        taken.add(label)
    labels = []
    for block in blocks:
        label = block.label or block.name
        while not block.label and label in taken:
            count[block.name] += 1
            label = f"{block.name}_{count[block.name] + 1}"
        taken.add(label)
        labels.append(label)
    return tuple(labels)


def inner_text(block: Block) -> str:
    """A block as an argument of another, in brackets where it begins with a label, which is no keyword."""
    text = str(block)
    return f"({text})" if re.match(r"\w+=", text) else text


@dataclass(frozen=True, kw_only=True)
class Wrapper(StreamingBlock, abc.ABC):
    """A block that needs a block: what it is follows from what it holds."""

    family = "wrappers"

    def check_settings(self) -> None:
        if not self.children:  # which also holds their labels against each other
            raise ExpressionError("bad-setting", f"{self.name} needs at least one block.", "Name one.")
        for (name, block), given in zip(self.children.items(), self.given, strict=False):
            if block.takes != given:
                raise ExpressionError(
                    "notes-needed",
                    f"{name} takes {block.takes}, and {self.name} has {given} for it.",
                    "Put synths first, side by side with nothing but synths: (0.5 * saw + 0.5 * noise) >> low_pass.",
                )

    @property
    def given(self) -> Iterable[str]:
        """What each link is given: audio or notes."""
        return repeat("audio")

    @property
    def differentiable(self) -> bool:
        return all(b.differentiable for b in self.children.values())

    @property
    def obscured(self) -> tuple[str, ...]:
        return () if self.differentiable else tuple(self.children)

    @property
    def memoryless(self) -> bool:
        return all(b.memoryless for b in self.children.values())

    @property
    def linear(self) -> bool:
        return all(b.linear for b in self.children.values())

    @property
    def time_invariant(self) -> bool:
        return all(b.time_invariant for b in self.children.values())

    @property
    def couples_channels(self) -> bool:
        return any(b.couples_channels for b in self.children.values())

    @property
    def inverts(self) -> bool:
        return any(b.inverts for b in self.children.values())

    @property
    def echoes(self) -> bool:
        return any(b.echoes for b in self.children.values())

    @property
    def sequential(self) -> bool:
        return any(b.sequential for b in self.children.values())

    @property
    def surrogate_gradient(self) -> bool:
        return any(b.surrogate_gradient for b in self.children.values())

    @property
    def takes(self) -> str:
        return next(iter(self.given))


@dataclass(frozen=True)
class Around(Wrapper, abc.ABC):
    """A wrapper of one block; its own settings and parameters stand behind the block, by name."""

    block: Block

    @property
    def children(self) -> dict[str, Block]:
        return {self.link: self.block}

    @property
    def link(self) -> str:
        """The name that the block goes by."""
        return labels_of((self.block,), (q.name for q in self.params))[0]

    def check_settings(self) -> None:
        if not isinstance(self.block, Block):
            raise ExpressionError(
                "bad-setting", f"{self.name}({self.block!r}) holds no block.", f"Write {self.name}(delay)."
            )
        Registered.check_settings(self)
        super().check_settings()

    def channels_out(self, channels: int) -> int:
        return self.block.channels_out(channels)

    def latency_samples(self, sr: int) -> int:
        return self.block.latency_samples(sr)

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        if len(args) != 1:
            raise ExpressionError(
                "bad-setting", f"{cls.name} takes one block, got {len(args)}.", f"Write {cls.example()}."
            )
        return super().from_call(args, kwargs)

    def __str__(self) -> str:
        said = {k: v for k, v in self.changed_settings().items() if k != "block"} | dict(self.start)
        return self.labelled_text(call_text(self.name, said, (inner_text(self.block),)))


@dataclass(frozen=True)
class Row(Wrapper, abc.ABC):
    """A wrapper of any number of blocks."""

    blocks: tuple[Block, ...]

    def check_settings(self) -> None:
        for block in self.blocks:
            if not isinstance(block, Block):
                raise ExpressionError("bad-setting", f"{block!r} is no block.", "Give blocks: Gain() >> Delay().")
        super().check_settings()

    @property
    def children(self) -> dict[str, Block]:
        return dict(zip(labels_of(self.blocks), self.blocks, strict=True))

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        """`series(a, b)` and `parallel(a, b)` are there too, though `a >> b` and `a + b` read better."""
        if kwargs or not args or not all(isinstance(b, Block) for b in args):
            raise ExpressionError(
                "bad-setting", f"{cls.name} takes blocks and nothing else.", f"Write {cls.name}(gain, delay)."
            )
        return cls(tuple(args))

    @classmethod
    def example(cls) -> Block:
        from .effects import Delay, SoftClip

        return cls((SoftClip(), Delay()))
