"""From text to objects, and through: what is an object already stays as it is."""

from __future__ import annotations

from ._block import Block
from ._expression import parse_expression
from ._optimizer import Optimizer
from ._target import Target


def parse(text: str | Block) -> Block:
    """The chain that `text` means: `parametric_eq(bands=6) >> (0.7 * soft_clip + 0.3 * gain)`.

    Settings and start values stand in brackets; nothing is evaluated. Raises `ExpressionError` with a pointer to the
    place. `str(chain)` is the inverse.
    """
    return text if isinstance(text, Block) else parse_expression(text, Block)


def parse_target(text: str | Target) -> Target:
    """The target that `text` means: `multi_resolution_stft + 0.1 * esr(pre_emphasis=0.9)`."""
    return text if isinstance(text, Target) else parse_expression(text, Target)


def parse_optimizer(text: str | Optimizer) -> Optimizer:
    """The optimizer that `text` means: `adam(steps=500, starts=8)`."""
    return text if isinstance(text, Optimizer) else parse_expression(text, Optimizer)
