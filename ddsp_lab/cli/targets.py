"""`ddsp-lab targets`: what there is to aim a fit at."""

from __future__ import annotations

from typing import Any

from .._target import Target
from ._shell import Json, show_json, show_table, verb


@verb
def targets(as_json: Json = False) -> None:
    """List every target with what it hears and what it is deaf to."""
    described = [_described(name, cls()) for name, cls in sorted(Target.registry.items())]
    if as_json:
        show_json(described)
        return
    show_table(([*d.values()] for d in described), "target", "hears", "deaf to", "differentiable")


def _described(name: str, target: Target) -> dict[str, Any]:
    return {
        "name": name,
        "hears": list(target.hears),
        "deaf_to": list(target.deaf_to),
        "differentiable": target.differentiable,
    }
