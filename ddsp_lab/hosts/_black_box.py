"""What blocks that run in another process have in common: a call out of the compiled program, and no gradient."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .._block import Audio, Context, State, StreamingBlock, Values
from .._errors import DdspLabError
from ._host import WHOLE, Host, Opening, host

STREAMS = count()


@dataclass(frozen=True, kw_only=True)
class BlackBox(StreamingBlock, abc.ABC):
    """A block whose sound comes from a worker process (`Host`). Its parameters and its input have no gradient: what
    stands after it in a chain does.

    The state is the number of the stream and how far it has come. A signal that is played in one piece, as in a fit, is
    a stream that is not gone on with, and all such share one worker.
    """

    family = "hosts"
    differentiable: ClassVar[bool] = False

    @property
    @abc.abstractmethod
    def opening(self) -> Opening:
        """What its worker is started with."""

    @abc.abstractmethod
    def sent(self, values: Mapping[str, np.ndarray]) -> list[float]:
        """Physical values as the worker takes them."""

    @property
    def host(self) -> Host:
        return host(self.opening)

    def faults(self) -> list[DdspLabError]:
        return [*self.host.faults()]

    def latency_samples(self, sr: int) -> int:
        return self.host.latency(sr)

    def init(self, channels: int, ctx: Context) -> State:
        zero = jnp.zeros((), jnp.int32)
        traced = isinstance(zero, Tracer)  # a program that begins a stream ends it too
        return zero + (WHOLE if traced else next(STREAMS)), zero

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        stream, position = state
        values = {q.name: p[q.name] for q in self.params}

        def outside(values: Mapping[str, Any], x: Any, stream: Any, position: Any) -> np.ndarray:
            sent = self.sent({k: np.asarray(v, np.float64) for k, v in values.items()})
            audio = np.asarray(x, np.float32)
            channels = self.channels_out(len(audio))
            y = self.host.play(audio, channels, int(stream), int(position), values=sent, sr=ctx.sr)
            return y.astype(x.dtype)

        gives = jax.ShapeDtypeStruct((self.channels_out(x.shape[0]), x.shape[1]), x.dtype)
        known = jax.lax.stop_gradient((values, x))
        y = jax.pure_callback(outside, gives, *known, stream, position, vmap_method="sequential")
        return (stream, position + x.shape[1]), y
