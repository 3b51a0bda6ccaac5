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
from ._host import Host, host
from ._workers import WHOLE, Opening

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
        names = [q.name for q in self.params]
        values = jnp.stack([p[name] for name in names]) if names else jnp.zeros(0)  # every argument costs a copy

        def outside(values: Any, place: Any, x: Any) -> np.ndarray:
            stream, position = np.asarray(place).tolist()
            sent = self.sent(dict(zip(names, np.asarray(values, np.float64), strict=True)))
            audio = np.asarray(x, np.float32)
            y = self.host.play(audio, self.channels_out(len(audio)), stream, position, values=sent, sr=ctx.sr)
            return y.astype(x.dtype, copy=False)

        gives = jax.ShapeDtypeStruct((self.channels_out(x.shape[0]), x.shape[1]), x.dtype)
        place = jnp.stack([stream, position])
        y = jax.pure_callback(outside, gives, *jax.lax.stop_gradient((values, place, x)), vmap_method="sequential")
        return (stream, position + x.shape[1]), y
