"""Exactly one of several blocks: a setting that a search can choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ._block import Audio, Block, Context, State, Values
from ._branches import Branches
from ._errors import ExpressionError
from ._expression import call_text
from ._param import Param
from ._wrapper import inner_text

WHICH = "which"


@dataclass(frozen=True)
class OneOf(Branches):
    """`one_of(tube, fuzz, overdrive, which='fuzz')`: one of its blocks is heard, the others wait.

    Which one is a parameter, so that whatever makes another program becomes something a search can find: a setting,
    `one_of(soft_clip(oversample=1), soft_clip(oversample=4))`, a kind of block, or whether there is one at all,
    `one_of(gain, delay)`. Every block keeps its values, chosen or not. Only the chosen one costs time, except under
    `vmap`, where all of them run. The choice holds for a whole rendering.
    """

    reserved: ClassVar[tuple[str, ...]] = (WHICH,)

    def check_settings(self) -> None:
        super().check_settings()
        if not self.blocks[1:]:
            raise ExpressionError(
                "bad-setting", f"one_of({self.blocks[0]}) leaves no choice.", "Name two blocks: one_of(gain, delay)."
            )

    @property
    def params(self) -> tuple[Param, ...]:
        return (Param.choice(WHICH, tuple(self.children)),)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        def played(i: int, name: str, state: State, x: Audio) -> tuple[State, Audio]:
            after, y = self.branch(name, p, state[i], x, ctx)
            after = jax.tree.map(lambda new, old: jnp.asarray(new, jnp.result_type(old)), after, state[i])
            return (*state[:i], after, *state[i + 1 :]), y.astype(jnp.result_type(float))

        branches = [partial(played, i, name) for i, name in enumerate(self.children)]
        if not isinstance(p[WHICH], Tracer):  # known beforehand: no program holds the others
            return branches[self._chosen(p)](state, x)
        return jax.lax.switch(jnp.rint(p[WHICH]).astype(jnp.int32), branches, state, x)

    def _chosen(self, p: Values) -> int:
        return round(float(p[WHICH]))

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        yield list(self.children)[self._chosen(p)], x, y

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
        found = [b.undo(p.get(k, {}), x, y, ctx) for k, b in self.children.items()]
        inputs = [back for back in found if back is not None]
        return None if len(inputs) < len(found) else jnp.stack(inputs)[jnp.rint(p[WHICH]).astype(jnp.int32)]

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        starts = {k: v for k, v in kwargs.items() if k == WHICH}
        block = super().from_call(args, {k: v for k, v in kwargs.items() if k != WHICH})
        return block.starting_at(**starts)

    def __str__(self) -> str:
        return self.labelled_text(call_text(self.name, dict(self.start), map(inner_text, self.blocks)))
