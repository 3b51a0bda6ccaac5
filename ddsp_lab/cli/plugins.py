"""`ddsp-lab plugins scan`: what the plugins on this machine are, and whether they repeat themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .._errors import HostError
from ..hosts import Plugin
from ._shell import Json, err, out, show_json, show_table, verb
from .blocks import entries, shown

SR = 48_000
SUFFIXES = (".vst3", ".component")
PARTIAL = 3  # exit code where some of several did not load

app = typer.Typer(help="Plugins as blocks: plugin('ZamEQ2.vst3').", no_args_is_help=True)


@app.command()
@verb
def scan(
    path: Annotated[Path, typer.Argument(help="A plugin, or a folder of plugins.")],
    name: Annotated[str, typer.Option(help="Which one, where a file holds several.")] = "",
    as_json: Json = False,
) -> None:
    """Load plugins, each in a process of its own, and keep what they are; presets may name them from then on."""
    found = list(_plugins(path))
    described = [_described(one, name) for one in found]
    failed = [d for d in described if "error" in d]
    if as_json:
        show_json(described)
    else:
        for d in described:
            _show(d)
    if failed:
        raise typer.Exit(PARTIAL if len(failed) < len(described) else 2)


def _plugins(path: Path) -> Iterator[Path]:
    if path.suffix in SUFFIXES or not path.is_dir():
        yield path
        return
    inside = sorted(p for suffix in SUFFIXES for p in path.rglob(f"*{suffix}"))
    if not inside:
        raise HostError("plugin-missing", f"There are no plugins in {path}.", "Name a folder of .vst3 files.")
    yield from (p for p in inside if not any(parent.suffix in SUFFIXES for parent in p.parents))


def _described(path: Path, name: str) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        block = Plugin(str(path), name)
        latency = block.latency_samples(SR)
    except HostError as error:
        return {"path": str(path), "error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    known = block.facts
    return {
        "path": str(path),
        "name": name or path.stem,
        "version": block.version,
        "channels": "each on its own" if known.mono else "two",
        "latency_samples": latency,
        "varies_db": round(20.0 * float(np.log10(max(known.varies, 1e-10))), 1),
        "loaded_for_every_signal": known.anew,
        "seconds": round(time.perf_counter() - began, 3),
        "params": [entry for q in block.params for entry in entries(q)],
    }


def _show(d: dict[str, Any]) -> None:
    if "error" in d:
        err.print(f"[bold red]error[/] {d['error']['code']}: ", end="")
        err.print(f"{d['path']}: {d['error']['message']} {d['error']['remedy']}", markup=False, soft_wrap=True)
        return
    repeats = "to the bit" if d["varies_db"] <= -200.0 else f"to {d['varies_db']:.0f} dB"
    anew = ", loaded for every signal" if d["loaded_for_every_signal"] else ""
    late = f", {d['latency_samples']} samples late" if d["latency_samples"] else ""
    out.print(
        f"{d['path']}: {d['version']}, channels {d['channels']}{late}, repeats itself {repeats}{anew}", soft_wrap=True
    )
    rows = ((q["name"], *shown(q), q["unit"]) for q in d["params"])
    show_table(rows, "parameter", "default", "range", "unit")
