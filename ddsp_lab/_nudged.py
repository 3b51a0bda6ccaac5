"""A chain whose notes are played a little beside where they are written."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ._block import Audio, Block, Context, Values
from ._notes import Notes
from ._param import Param

LINK = "chain"
LONGEST_S = 0.5  # that a note may last beyond its heard end, which a low level hides


@dataclass(frozen=True)
class Nudged(Block, abc.ABC):  # no member of its own: only `in_phase` makes one
    """All notes later, higher and longer by what it has for parameters, none before the first sample, played by a chain
    that begins with synths."""

    chain: Block

    name: ClassVar[str] = "nudged"
    takes: ClassVar[str] = "notes"
    params = (
        Param("later_ms", -3.0, 3.0, default=0.0, unit="ms"),
        Param("higher_st", -1.0, 1.0, default=0.0, unit="st"),
        Param("longer_s", 0.0, LONGEST_S, default=0.0, unit="s"),
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
        moved: Any = nudged(x, **{q.name: p[q.name] for q in self.params})
        return self.chain.aligned(p.get(LINK, {}), moved, ctx)


def nudged(x: Notes, later_ms: Any, higher_st: Any, longer_s: Any) -> Notes:
    """Notes that are played so."""
    onset_s = (x.onset_s + 1e-3 * later_ms).clip(0.0)
    room_s = x.longest_s + LONGEST_S
    return replace(x, onset_s=onset_s, pitch=x.pitch + higher_st, duration_s=x.duration_s + longer_s, longest_s=room_s)
