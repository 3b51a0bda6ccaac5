"""Which optimizer suits a chain and a target, and why."""

from __future__ import annotations

from ._block import walk
from ._space import Space
from ._target import Target

AUTO = "auto"  # the optimizer's text that leaves the choice to what is fitted
FEW = 64  # parameters up to which second-order steps are affordable


def chosen(space: Space, target: Target) -> tuple[str, str]:
    """The text of an optimizer, and what decided for it."""
    followed = target.least_squares or not (space.layout.blind.all() or not target.differentiable)
    way, beside = ("memetic", "; descents in all else") if followed else ("cma_es", "")
    blind = sorted({str(b) for b in walk(space.chain) if not (b.children or b.differentiable)})
    if blind:
        return way, f"no gradients of {', '.join(blind)}{beside}"
    if space.layout.discrete:
        return way, f"no gradients along {', '.join(space.layout.discrete)}{beside}"
    if not (space.chain.differentiable and target.differentiable):
        return "cma_es", f"no gradients of {target if space.chain.differentiable else space.chain}"
    if space.chain.takes == "notes":
        way = "memetic" if target.least_squares else "successive_halving"
        return way, f"{_parameters(space)}, and a sound source has many valleys"
    if not target.least_squares:
        return "adam", f"{_parameters(space)}, all with gradients, but {target} is no sum of squares"
    if space.size > FEW:
        return "adam", f"a sum of squares with {_parameters(space)}, too many for second-order steps"
    return "alternating", f"a sum of squares with {_parameters(space)}, all with gradients"


def _parameters(space: Space) -> str:
    return "1 parameter" if space.size == 1 else f"{space.size} parameters"
