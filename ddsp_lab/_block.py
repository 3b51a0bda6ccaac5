"""The one idea of ddsp_lab: a block is a frozen spec plus pure functions of its parameters."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._errors import DdspLabError, ExpressionError, did_you_mean
from ._expression import LABEL
from ._param import Param
from ._registry import Registered, settings_of

if TYPE_CHECKING:
    from ._parallel import Parallel
    from ._series import Series

Audio: TypeAlias = Float[Array, "channels samples"]
Values: TypeAlias = dict[str, Any]  # parameter name -> physical value; a chain nests its links' dicts
State: TypeAlias = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Context:
    """All that a block may know besides its input.

    `sr` is the sample rate in Hz, static. `start_s` is the time of the first sample, so that an LFO keeps its phase
    in crops and pieces. `key` seeds whatever is random, so that noise repeats.
    """

    sr: int = field(metadata={"static": True})
    start_s: Float[Array, ""] | float = 0.0
    key: Array | None = None

    @property
    def seed(self) -> Array:
        return jax.random.key(0) if self.key is None else self.key


@dataclass(frozen=True, kw_only=True)
class Block(Registered, abc.ABC):
    """Structure only: a frozen dataclass of settings, so that a spec is a jit cache key.

    Parameter values live outside, in a plain nested dict of physical values; gradients, populations, ties and presets
    never look inside a block. `label` names the link in its chain. `start` overrides the defaults of some parameters
    where a search starts; it is no part of what the block is, hence not compared.

    A subclass declares `params` (a property, where they depend on a setting) and `apply`, and below only what differs
    from an ordinary effect. Every declaration here is measured by the laws in `tests/`.
    """

    label: str = ""
    start: tuple[tuple[str, Any], ...] = field(default=(), compare=False)

    # each a class attribute where it is a constant, a property where it depends on a setting
    params: ClassVar[tuple[Param, ...]] = ()
    differentiable: ClassVar[bool] = True
    family: ClassVar[str] = "effects"
    takes: ClassVar[str] = "audio"
    needs_file: ClassVar[bool] = False  # whether what it is stands in a file of the user's: it has no example
    memoryless: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    time_invariant: ClassVar[bool] = True
    couples_channels: ClassVar[bool] = False
    inverts: ClassVar[bool] = False  # whether some values of its parameters turn the polarity round
    sums: ClassVar[bool] = False  # whether its estimate is the weights of what it adds up
    echoes: ClassVar[bool] = False  # whether its loudest output may come later than its input
    sequential: ClassVar[bool] = False  # whether it must run sample by sample
    is_source: ClassVar[bool] = False  # whether it sounds without being given anything, as an effect
    in_phase: ClassVar[bool] = True  # whether its wave follows from its parameters, once nothing is random in it
    noise: ClassVar[tuple[str, ...]] = ()  # the parameters of what is: none is heard where they are least
    surrogate_gradient: ClassVar[bool] = False  # whether its gradient stands in for one that is zero or says nothing

    def __post_init__(self) -> None:
        if self.label and not LABEL.fullmatch(self.label):
            raise ExpressionError("bad-setting", f"{self.label!r} is no label.", "Use letters, digits and _.")
        self.check_settings()

    @property
    def children(self) -> dict[str, Block]:
        """The links of a chain by label; an effect has none."""
        return {}

    @property
    def obscured(self) -> tuple[str, ...]:
        """The links behind something without a gradient: none of theirs arrives."""
        return ()

    @property
    def asleep(self) -> tuple[str, ...]:
        """The links that are switched off: they keep their values, and no search moves them."""
        return ()

    @abc.abstractmethod
    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        """Process a whole signal: pure, as many samples out as in."""

    def init(self, channels: int, ctx: Context) -> State:
        """The state before the first sample. A block with memory is a `StreamingBlock`."""
        return ()

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        """Process one piece; pieces of any size add up to the whole."""
        return state, self.apply(p, x, ctx)

    def aligned(self, p: Values, x: Audio, ctx: Context) -> Audio:
        """`apply` with its latency removed."""
        late = self.latency_samples(ctx.sr)
        given: Any = x
        longer = jnp.pad(x, ((0, 0), (0, late))) if self.takes == "audio" else given.longer(late / ctx.sr)
        return self.apply(p, longer, ctx)[:, late:]

    def channels_out(self, channels: int) -> int:
        return channels

    def latency_samples(self, sr: int) -> int:
        """By how many samples `apply` is late."""
        return 0

    def arrivals(self, sr: int) -> dict[str, int]:
        """By how many samples the sound is late where its links, or its own parameters, meet it, by name; where it is
        not, nothing stands here. Automation keeps to it."""
        return {}

    def estimate(self, source: Any, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """First guesses, by analysis, at the values that turn `source` into `reference`, best first.

        Arrays are `(channels, samples)`, aligned, without the block's own latency; the `source` of what sounds by
        itself is `Notes`, and the `reference` the whole recording. `p` are the values so far, where there are any.
        Parameters left out of a guess stay as they are; no guess at all is an answer too.
        """
        return []

    def lookalikes(self, p: Values, source: np.ndarray, ctx: Context, beside_dry: bool) -> list[Values]:
        """Other values at which the block does nearly the same to `source`: `beside_dry`, up to a gain and some dry
        signal."""
        return []

    def faults(self) -> list[DdspLabError]:
        """What failed since this was last asked, in a block that runs where things may fail; its output was NaN."""
        return []

    def state_file(self, p: Values, sr: int) -> bytes:
        """What another host loads to sound like this; empty where no other could."""
        return b""

    def remarks(self, sr: int) -> list[tuple[str, str]]:
        """What is worth knowing about its sound, as codes and texts."""
        return []

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """For each link of a chain from `x` to the wanted `y`: its name, its input, and what its output would have to
        be if all other links are right. Links for which that cannot be told are left out."""
        yield from ()

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
        """The input that would give `y`, where the block's real input is about `x`; None where it can't be told."""
        return None

    # --- the algebra of chains: the same in Python and in text

    def __rshift__(self, other: Block) -> Series:
        from ._series import Series

        return Series.of(self, other)

    def __add__(self, other: Block) -> Parallel:
        from ._parallel import Parallel

        return Parallel.of((None, self), (None, other))

    def __sub__(self, other: Block) -> Parallel:
        return self + (-1.0) * other

    def __mul__(self, weight: float) -> Parallel:
        from ._parallel import Parallel

        return Parallel.of((float(weight), self))

    __rmul__ = __mul__

    def __neg__(self) -> Parallel:
        return self * -1.0

    def named(self, label: str) -> Self:
        """The same block under a label of its own: `eq.named("pre") >> clip`."""
        return dataclasses.replace(self, label=label)

    def starting_at(self, **values: Any) -> Self:
        """The same block with other start values: `Compressor().starting_at(ratio=4)`."""
        known = {q.name: q for q in self.params}
        for name, value in values.items():
            if name not in known:
                raise ExpressionError(
                    "unknown-setting", f"{self.name} has no parameter {name!r}.", did_you_mean(name, known)
                )
            number = known[name].check(value, f"{self.name}.{name}")
            if known[name].choices:
                values[name] = known[name].text(float(number))
        start = dict(self.start) | {k: tuple(v) if np.ndim(v) else v for k, v in values.items()}
        return dataclasses.replace(self, start=tuple(start.items()))

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        """The block that `name(args, key=value, …)` means: settings build it, parameters start it."""
        settings = [f.name for f in settings_of(cls)]
        if len(args) > len(settings) or set(settings[: len(args)]) & kwargs.keys():
            raise ExpressionError(
                "bad-setting",
                f"{cls.name} got {len(args)} value(s) without a name; it takes {', '.join(settings) or 'none'} so.",
                f"Write {cls.name}(name=value).",
            )
        block = cls(*args, **{k: v for k, v in kwargs.items() if k in settings})
        starts = {k: v for k, v in kwargs.items() if k not in settings}
        for name in set(starts) - {q.name for q in block.params}:
            raise ExpressionError(
                "unknown-setting",
                f"{cls.name} has no setting or parameter {name!r}.",
                did_you_mean(name, {*settings, *(q.name for q in block.params)}),
            )
        return block.starting_at(**starts) if starts else block

    @classmethod
    def example(cls) -> Block:
        """A block of this kind as it comes, to describe and to test."""
        return cls()

    def __str__(self) -> str:
        from ._expression import call_text

        return self.labelled_text(call_text(self.name, self.changed_settings() | dict(self.start)))

    def labelled_text(self, text: str) -> str:
        return f"{self.label}={text}" if self.label else text


@dataclass(frozen=True, kw_only=True)
class StreamingBlock(Block, abc.ABC):
    """A block with memory: it gives `init` and `step`, and the whole is one big piece."""

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        channels = x.shape[0] if self.takes == "audio" else 1
        return self.step(p, self.init(channels, ctx), x, ctx)[1]

    @abc.abstractmethod
    def init(self, channels: int, ctx: Context) -> State: ...

    @abc.abstractmethod
    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]: ...


def walk(block: Block) -> Iterator[Block]:
    """A block and all it holds."""
    yield block
    for child in block.children.values():
        yield from walk(child)


def faults(chain: Block) -> list[DdspLabError]:
    """What failed in any of its blocks since this was last asked."""
    return [fault for block in walk(chain) for fault in block.faults()]


def state_files(chain: Block, values: Values, sr: int, path: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """The state files of all its links that have one, by path."""
    if state := chain.state_file(values, sr):
        yield ".".join(path) or chain.name, state
    for name, child in chain.children.items():
        yield from state_files(child, values.get(name, {}), sr, (*path, name))


def leaves(block: Block, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Param, Block]]:
    """Every parameter of a chain as (path, Param, owner), a block's own first, then its links' in order."""
    for param in block.params:
        yield ".".join((*path, param.name)), param, block
    for name, child in block.children.items():
        yield from leaves(child, (*path, name))


def blind(block: Block, path: tuple[str, ...] = (), obscured: bool = False) -> Iterator[str]:
    """The paths of all parameters that have no gradient, though others may."""
    for param in block.params:
        # what is affine weighs what its links give, whether that has a gradient or not
        if obscured or not (block.differentiable or (param.affine and block.children)):
            yield ".".join((*path, param.name))
    for name, child in block.children.items():
        yield from blind(child, (*path, name), obscured or name in block.obscured)


def sleeping(block: Block, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of all links of a chain that are switched off."""
    for name, child in block.children.items():
        if name in block.asleep:
            yield ".".join((*path, name))
        yield from sleeping(child, (*path, name))


def nest(flat: Mapping[str, Any]) -> Values:
    """`{"a.b": 1}` -> `{"a": {"b": 1}}`."""
    tree: Values = {}
    for path, value in flat.items():
        *parents, name = path.split(".")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
        node[name] = value
    return tree


def flatten(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    """The inverse of `nest`."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, (*path, key))
        else:
            flat[".".join((*path, key))] = value
    return flat
