"""`ddsp-lab blocks`: what there is to build chains from."""

from __future__ import annotations

from dataclasses import MISSING
from typing import Any

import numpy as np

from .._block import Block
from .._cost import ops_per_sample
from .._param import Param
from .._registry import settings_of
from ._shell import Json, show_json, show_table, verb

SR = 48_000


@verb
def blocks(as_json: Json = False) -> None:
    """List every block with its parameters, ranges, units and cost."""
    described = [_described(name, cls) for name, cls in sorted(Block.registry.items()) if not cls.needs_file]
    if as_json:
        show_json(described)
        return
    for d in described:
        settings = "".join(f", {k}={v}" for k, v in d["settings"].items())
        title = f"{d['name']} ({d['family']}, {d['ops_per_sample']:g} operations a sample{settings})"
        rows = [(p["name"], *shown(p), p["unit"], p["scale"]) for p in d["params"]]
        show_table(rows, "parameter", "default", "range", "unit", "scale", title=title)


def _described(name: str, cls: type[Block]) -> dict[str, Any]:
    block = cls.example()
    return {
        "name": name,
        "family": cls.family,
        "takes": block.takes,
        "differentiable": block.differentiable,
        "params": [entry for q in block.params for entry in entries(q)],
        "settings": {f.name: f.default for f in settings_of(cls) if f.default is not MISSING},
        "latency_samples": block.latency_samples(SR),
        "ops_per_sample": round(ops_per_sample(block, SR), 1),
    }


def entries(q: Param) -> list[dict[str, Any]]:
    """One entry for every number of a parameter, one for all of what is data: its first, and how many there are."""
    defaults = np.broadcast_to(np.asarray(q.default, float), q.shape)
    places = [(0,) * defaults.ndim] if q.data else list(np.ndindex(q.shape))
    return [
        {
            "name": q.name if q.data else q.name + "".join(f"[{i}]" for i in index),
            "low": q.low,
            "high": q.high,
            "default": float(defaults[index]),
            "unit": q.unit,
            "scale": q.scale,
            **({"choices": list(q.choices)} if q.choices else {}),
            **({"numbers": defaults.size} if q.data else {}),
        }
        for index in places
    ]


def shown(p: dict[str, Any]) -> tuple[Any, str]:
    """The default and the range: choices by their names, and how much of it there is of what is data."""
    if numbers := p.get("numbers"):
        return f"{numbers} numbers", f"{p['low']:g} to {p['high']:g}"
    if choices := p.get("choices"):
        return choices[round(p["default"])], ", ".join(choices)
    return p["default"], f"{p['low']:g} to {p['high']:g}"
