"""Effects that bend a signal, and how they are kept from folding back."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from ._block import Audio, Block, Context, State, StreamingBlock, Values
from .dsp import oversample as rates
from .dsp.transfer_curve import LEVELS, mean_curve, nearest

KEPT = 3  # guesses


def at_rate(block: Block, p: Values, factor: int) -> Values:
    """Values for a block run at `factor` times the rate: each value of a curve over time is held that often."""
    held = {q.name for q in block.params if q.automatable and jnp.ndim(p.get(q.name, 0.0)) > len(q.shape)}
    inner = {k: at_rate(b, p[k], factor) for k, b in block.children.items() if k in p}
    return p | {k: jnp.repeat(p[k], factor, axis=-1) for k in held} | inner


@dataclass(frozen=True)
class Shaper(StreamingBlock, abc.ABC):
    """A nonlinear effect, which gives `begin` and `bend`; with `oversample` above 1 they run at that multiple of the
    sample rate, between linear-phase filters that make the block 64 samples late."""

    oversample: Literal[1, 2, 4, 8] = 4

    def latency_samples(self, sr: int) -> int:
        return rates.LATENCY if self.oversample > 1 else 0

    def arrivals(self, sr: int) -> dict[str, int]:
        return {q.name: rates.HALF for q in self.params} if self.oversample > 1 else {}

    @abc.abstractmethod
    def begin(self, channels: int, ctx: Context) -> State:
        """`init` at the rate at which it runs."""

    @abc.abstractmethod
    def bend(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        """`step` at the rate at which it runs."""

    def init(self, channels: int, ctx: Context) -> State:
        inner = self.begin(channels, replace(ctx, sr=ctx.sr * self.oversample))
        return (rates.no_history(channels, self.oversample), inner) if self.oversample > 1 else inner

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        if self.oversample == 1:
            return self.bend(p, state, x, ctx)
        values, high = at_rate(self, p, self.oversample), replace(ctx, sr=ctx.sr * self.oversample)
        return rates.stepped(lambda s, v: self.bend(values, s, v, high), state, x, self.oversample)


@dataclass(frozen=True)
class CurveShaper(Shaper, abc.ABC):
    """A shaper without memory: `shape`, and where its antiderivative is known, `mean` and a setting `adaa`.

    `grid` are the values among which its estimate looks; where it is empty, there is none.
    """

    grid: ClassVar[Mapping[str, np.ndarray]] = {}
    adaa: ClassVar[bool] = False

    @property
    def memoryless(self) -> bool:
        return self.oversample == 1 and not self.adaa

    @abc.abstractmethod
    def shape(self, p: Values, x: Audio) -> Audio:
        """The output for each input."""

    def mean(self, p: Values, a: Audio, b: Audio) -> Audio:
        """The mean of `shape` between two inputs."""
        raise NotImplementedError

    def begin(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, 1)) if self.adaa else ()

    def bend(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        if not self.adaa:
            return state, self.shape(p, x)
        before = jnp.concatenate([state.astype(x.dtype), x[:, :-1]], axis=1)
        return x[:, -1:], self.mean(p, before, x)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The values on the grid whose curve, at some gain, comes nearest to the mean output at each input level."""
        x, y = mean_curve(source, reference)
        if x.size < 8:
            return []
        points = np.array(list(itertools.product(*self.grid.values())))
        best, _ = nearest(self.curves(dict(zip(self.grid, points.T, strict=True)), x), y, KEPT)
        return [dict(zip(self.grid, map(float, points[i]), strict=True)) for i in best]

    def curves(self, p: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        """The outputs for inputs `x`, shape (k,), at n values: shape (n, k)."""
        padded = np.pad(x, (0, LEVELS - x.size))  # one program for all
        return np.asarray(_curves(self, p, padded), np.float64)[:, : x.size]


@partial(jax.jit, static_argnames="block")
def _curves(block: CurveShaper, p: Any, x: Any) -> Any:
    return jax.vmap(lambda p: block.shape(p, x))(p)
