"""`ddsp-lab optimizers`: what there is to search with."""

from __future__ import annotations

import sys
from typing import Any

from .._optimizer import Optimizer
from .._registry import settings_of
from ._shell import Json, show_json, show_table, verb


@verb
def optimizers(as_json: Json = False) -> None:
    """List every optimizer with what it needs, what it moves and its settings."""
    described = [_described(name, cls) for name, cls in sorted(Optimizer.registry.items())]
    if as_json:
        show_json(described)
        return
    for d in described:
        says = {True: "yes", False: "no"}
        figures = [says[d[key]] for key in ("needs_gradient", "handles_settings", "parallel")]
        settings = [f"{k}={v}" for k, v in d["settings"].items()]
        row = (*figures, settings)
        show_table([row], "gradients", "settings too", "parallel", "settings", title=f"{d['name']}: {d['description']}")


def _described(name: str, cls: type[Optimizer]) -> dict[str, Any]:
    return {
        "name": name,
        "description": (sys.modules[cls.__module__].__doc__ or "").partition("\n\n")[0].replace("\n", " "),
        "needs_gradient": cls.needs_gradient,
        "handles_settings": cls.handles_settings,
        "parallel": cls.parallel,
        "settings": {f.name: f.default for f in settings_of(cls)},
    }
