"""Any function of audio as a block."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from .._block import Block
from .._errors import ExpressionError, did_you_mean
from .._expression import call_text
from .._param import Param
from ._black_box import BlackBox
from ._workers import Opening

Seconds = Annotated[float, Meta(gt=0.0)]
Megabytes = Annotated[int, Meta(ge=256)]
_made: dict[str, CallableBlock] = {}  # in this process, by the name of the function


@dataclass(frozen=True)
class CallableBlock(BlackBox):
    """A function in a process of its own; made by `callable_block`, which says what the settings are."""

    fn: Callable[..., Any]
    controls: tuple[Param, ...] = ()
    timeout_s: Seconds = 10.0
    memory_mb: Megabytes = 4096
    no_memory: bool = field(default=False, kw_only=True)  # a fact about `fn`, no choice

    def check_settings(self) -> None:
        if not callable(self.fn):
            raise ExpressionError("bad-setting", f"callable_block({self.fn!r}): not callable.", "Give a function.")
        if not all(isinstance(q, Param) and not q.shape and q.name.isidentifier() for q in self.controls):
            raise ExpressionError(
                "bad-setting",
                f"callable_block: {self.controls!r} are no parameters.",
                "Give Param(name, low, high, …).",
            )
        super().check_settings()

    @property
    def params(self) -> tuple[Param, ...]:
        return self.controls

    @property
    def memoryless(self) -> bool:
        return self.no_memory

    @property
    def title(self) -> str:
        return getattr(self.fn, "__name__", type(self.fn).__name__)

    @property
    def opening(self) -> Opening:
        return _opening(self.fn, tuple(q.name for q in self.controls), self.no_memory, self.timeout_s, self.memory_mb)

    def sent(self, values: Mapping[str, np.ndarray]) -> list[float]:
        return [float(values[q.name]) for q in self.controls]

    def latency_samples(self, sr: int) -> int:
        return 0

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        """`callable_block('name')` is the one of this process whose function is called so: text brings no code."""
        if len(args) != 1 or not isinstance(args[0], str) or args[0] not in _made:
            raise ExpressionError(
                "unknown-name",
                f"callable_block({', '.join(map(repr, args))}) names no function that is a block in this process.",
                f"Make it one with callable_block(fn, params). {did_you_mean(str(args[:1]), _made)}",
            )
        block = _made[args[0]]
        return block.starting_at(**kwargs) if kwargs else block

    @classmethod
    def example(cls) -> Block:
        return callable_block(saturated, [Param("drive_db", 0.0, 24.0, 6.0, "dB")], memoryless=True)

    def __str__(self) -> str:
        return self.labelled_text(call_text(self.name, dict(self.start), [repr(self.title)]))


def callable_block(
    fn: Callable[..., Any],
    params: Iterable[Param] = (),
    *,
    memoryless: bool = False,
    timeout_s: float = 10.0,
    memory_mb: int = 4096,
) -> CallableBlock:
    """A block that plays `fn(x, sr, **values)`, a function of NumPy arrays `(channels, samples)` at `sr` Hz that gives
    as many samples and channels.

    It runs in a worker process, which may take `timeout_s` a call and `memory_mb` in all: one that crashes, hangs or
    fills the memory costs an infinite loss, not the program. It is to be causal, and to remember nothing from one call
    to the next: a file longer than a piece is played by calling it with all that has come so far, unless it is
    `memoryless`, a function of each sample alone. No gradient passes; see `surrogate`. A preset names the function and
    does not hold it: reading one takes a process in which it has been made a block.
    """
    block = CallableBlock(fn, tuple(params), timeout_s, memory_mb, no_memory=memoryless)
    _made[block.title] = block
    return block


@cache
def _opening(
    fn: Callable[..., Any], names: tuple[str, ...], memoryless: bool, timeout_s: float, memory_mb: int
) -> Opening:
    import cloudpickle

    request = {"kind": "callable", "names": names, "memoryless": memoryless, "sys_path": sys.path}
    title = getattr(fn, "__name__", type(fn).__name__)
    return Opening(title, json.dumps(request), cloudpickle.dumps(fn), timeout_s, memory_mb)


def saturated(x: Any, sr: int, drive_db: float) -> Any:
    r"""$\tanh(g x)$, the example."""
    return np.tanh(10.0 ** (drive_db / 20.0) * x)
