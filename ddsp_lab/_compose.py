"""Blocks made of blocks. A chain is a block, so chains nest."""

from __future__ import annotations

import abc
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np

from ._block import Audio, Block, Context, State, StreamingBlock, Values
from ._errors import AudioError, ExpressionError
from ._expression import call_text, number_text
from ._param import Param
from ._separate import played, undone
from .dsp.delay_line import late

WEIGHTS = "weights"  # where a parallel sum keeps its weights, hence no label
FAINT = 0.05  # below this, a branch is looked for at a weight of 1


def labels_of(blocks: Iterable[Block], reserved: str = "") -> tuple[str, ...]:
    """The names of the links of a chain: their labels, else their block's name, repeats with `_2`, `_3`.

    `reserved` is the name of a parameter that stands beside them.
    """
    blocks, taken, count = tuple(blocks), {reserved}, Counter[str]()
    for label in (b.label for b in blocks if b.label):
        if label in taken:
            whose = "a parameter" if label == reserved else "another link"
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


def _inner(block: Block) -> str:
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

    @property
    def differentiable(self) -> bool:
        return all(b.differentiable for b in self.children.values())

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
    def takes(self) -> str:
        return next(iter(self.children.values())).takes


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

    def channels_out(self, channels: int) -> int:
        for block in self.blocks:
            channels = block.channels_out(channels)
        return channels

    def latency_samples(self, sr: int) -> int:
        return sum(b.latency_samples(sr) for b in self.blocks)

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
        texts = (
            f"({b})" if isinstance(b, Parallel) and len(b.blocks) > 1 and not b.label else str(b) for b in self.blocks
        )
        text = " >> ".join(texts) if len(self.blocks) > 1 else f"series({_inner(self.blocks[0])})"
        return self.labelled_text(f"({text})") if self.label else text


@dataclass(frozen=True)
class Parallel(Row):
    r"""A weighted sum, `0.7 * a + 0.3 * b`: $y = \sum_k w_k f_k(x)$.

    Weights are parameters, -2 to 2 (a negative one inverts). `weights` holds where each starts; None means 1/n.
    Branches are delayed to the latest of them, so that they add up in phase.
    """

    weights: tuple[float | None, ...] = field(default=(), compare=False, kw_only=True)

    sums: ClassVar[bool] = True
    inverts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Unlabelled sums within a sum are unfolded, their weights multiplied through."""
        blocks: list[Block] = []
        weights: list[float | None] = []
        for weight, block in zip(self.weights or (None,) * len(self.blocks), self.blocks, strict=True):
            if isinstance(block, Parallel) and not block.label and (weight is None or None not in block.weights):
                blocks += block.blocks
                weights += block.weights if weight is None else (weight * w for w in block.weights if w is not None)
            else:
                blocks.append(block)
                weights.append(weight)
        object.__setattr__(self, "blocks", tuple(blocks))
        object.__setattr__(self, "weights", tuple(weights))
        super().__post_init__()
        for param in self.params:
            param.check(param.default, param.name)

    @classmethod
    def of(cls, *weighted: tuple[float | None, Block]) -> Parallel:
        return cls(tuple(b for _, b in weighted), weights=tuple(w for w, _ in weighted))

    @property
    def children(self) -> dict[str, Block]:
        return dict(zip(labels_of(self.blocks, WEIGHTS), self.blocks, strict=True))

    @property
    def params(self) -> tuple[Param, ...]:
        even = 1.0 / len(self.blocks)
        starts = zip(self.children, self.weights, strict=True)
        return tuple(Param(f"{WEIGHTS}.{k}", -2.0, 2.0, default=even if w is None else w) for k, w in starts)

    def starting_at(self, **values: Any) -> Self:
        """Weights start where the text of the sum says; both forms are one."""
        starts = {k.removeprefix(f"{WEIGHTS}."): float(v) for k, v in super().starting_at(**values).start}
        weights = (starts.get(k, w) for k, w in zip(self.children, self.weights, strict=True))
        return replace(self, weights=tuple(weights))

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
        latest = self.latency_samples(ctx.sr)
        return tuple(
            (b.init(channels, ctx), jnp.zeros((b.channels_out(channels), latest - b.latency_samples(ctx.sr))))
            for b in self.blocks
        )

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        after, total = [], 0.0
        for (name, block), (s, history) in zip(self.children.items(), state, strict=True):
            s, y = block.step(p.get(name, {}), s, x, ctx)
            history, y = late(history, y)
            after.append((s, history))
            total = total + p[WEIGHTS][name] * y
        return tuple(after), jnp.asarray(total)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The least-squares weights of the branches as they are."""
        if p is None:
            return []
        branches = [np.ravel(played(b, p.get(k, {}), source, ctx)) for k, b in self.children.items()]
        best = np.linalg.lstsq(np.stack(branches, axis=1), np.ravel(reference))[0]
        return [{WEIGHTS: dict(zip(self.children, np.clip(best, -2.0, 2.0).tolist(), strict=True))}]

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        parts = {k: float(p[WEIGHTS][k]) * played(b, p.get(k, {}), x, ctx) for k, b in self.children.items()}
        total = sum(parts.values())
        for name, part in parts.items():
            weight = float(p[WEIGHTS][name])
            yield name, x, (y - (total - part)) / (weight if abs(weight) > FAINT else 1.0)

    def __str__(self) -> str:
        text = ""
        for block, weight in zip(self.blocks, self.weights, strict=True):
            bare = isinstance(block, (Series, Parallel)) and not block.label
            term = f"({block})" if bare else str(block)
            sign = "-" if weight is not None and weight < 0 else "+"
            if weight is not None:
                term = f"{number_text(abs(weight))} * {term}"
            text += f" {sign} {term}" if text else term if sign == "+" else f"-{term}"
        if self.weights == (None,):
            text = f"parallel({_inner(self.blocks[0])})"
        return self.labelled_text(f"({text})") if self.label else text


@dataclass(frozen=True)
class Mix(Wrapper):
    r"""Dry and wet of any block, $y = (1 - m) x + m f(x)$, the dry path as late as the wet one."""

    block: Block

    params = (Param("mix", 0.0, 1.0, default=0.5),)

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
        return self.labelled_text(call_text(self.name, dict(self.start), (_inner(self.block),)))
