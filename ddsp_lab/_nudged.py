"""A chain whose notes are played a little beside where they are written."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax.numpy as jnp

from ._block import Audio, Block, Context, Values
from ._param import Param

LINK = "chain"


@dataclass(frozen=True)
class Nudged(Block, abc.ABC):  # no member of its own: only `in_phase` makes one
    """All notes later and higher by what it has for parameters, none before the first sample, played by a chain that
    begins with synths."""

    chain: Block

    name: ClassVar[str] = "nudged"
    takes: ClassVar[str] = "notes"
    params = (
        Param("later_ms", -3.0, 3.0, default=0.0, unit="ms"),
        Param("higher_st", -1.0, 1.0, default=0.0, unit="st"),
    )

    @property
    def children(self) -> dict[str, Block]:
        return {LINK: self.chain}

    @property
    def differentiable(self) -> bool:
        return self.chain.differentiable

    def channels_out(self, channels: int) -> int:
        return self.chain.channels_out(channels)

    def apply(self, p: Values, x: Any, ctx: Context) -> Audio:
        onset_s = jnp.maximum(x.onset_s + 1e-3 * p["later_ms"], 0.0)
        moved = replace(x, onset_s=onset_s, pitch=x.pitch + p["higher_st"])
        return self.chain.aligned(p.get(LINK, {}), moved, ctx)
