"""Are the settings of a real plugin found? Zam plugins at random settings, on dry recordings, within 3,000 evaluations.

Scored beside the best gain alone, and random search with as many evaluations where `--quick` is not given. `wrong` are
the parameters that matter (whose sweep changes the audio by more than -40 dB) and are more than a twentieth of their
range off; `wrong but for twins` leaves out bands that stand in each other's place, which no recording can tell apart.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

import ddsp_lab as dl
from ddsp_lab._score import esr
from ddsp_lab.optimizers._groups import groups

from ._recovery import best_gain, draw, load, wanted

DRY = {"ZamEQ2": "dry_voice", "ZamComp": "dry_drums", "ZamDelay": "dry_guitar", "ZamTube": "dry_guitar"}
DRAWS, BUDGET, MATTERS_DB, OFF = 10, 3000, -40.0, 0.05
SWEEP = np.linspace(0.0, 1.0, 5)


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    for name, dry in DRY.items():
        sound, block = load(args.data, "blackbox_fx", f"{dry}.flac"), dl.plugin(f"{name}.vst3")
        drawn = [_recovered(name, block, sound, seed, args.quick) for seed in range(wanted(args, DRAWS))]
        rows += [*drawn, _summary(name, drawn)]
    return rows


def _recovered(name: str, block: Any, sound: Any, seed: int, quick: bool) -> dict[str, Any]:
    space, x, sr = dl.Space(block), sound.samples, sound.sr
    hidden = draw(block, seed)
    u = space.encode(hidden)
    wet = dl.render(block, hidden, x, sr)
    began = time.perf_counter()
    result = dl.fit(block, x, wet, sr, optimizer="memetic", budget=BUDGET, seed=seed)
    seconds = time.perf_counter() - began
    matter = _matters(block, space, u, x, sr, wet)
    off = _positions(block, space, space.encode(result.values)), _positions(block, space, u)
    row = {
        "plugin": name,
        "draw": seed,
        "esr": result.metrics["esr_aligned"],
        "best_gain": best_gain(x, wet),
        "wrong": [n for n, a, b, m in zip(space.names, *off, matter, strict=True) if m and abs(a - b) > OFF],
        "wrong but for twins": _but_for_twins(space.names, *off, matter),
        "evaluations": result.metrics["evaluations"],
        "seconds": seconds,
    }
    if not quick:
        chance = dl.fit(block, x, wet, sr, optimizer="random_search", budget=result.metrics["evaluations"], seed=seed)
        row["random_search"] = chance.metrics["esr_aligned"]
    print(row, flush=True)
    return row


def _positions(block: Any, space: dl.Space, u: np.ndarray) -> np.ndarray:
    """Of the plugin's own controls."""
    return np.array(block.sent({k: np.asarray(v) for k, v in space.decode(u).items()}))[
        [[q.name for q in block.params].index(n) for n in space.names]
    ]


def _matters(block: Any, space: dl.Space, u: np.ndarray, x: np.ndarray, sr: int, wet: np.ndarray) -> list[bool]:
    """Which parameters are heard when they are swept."""

    def swept(k: int, at: float) -> np.ndarray:
        return dl.render(block, space.decode(np.where(np.arange(u.size) == k, at, u)), x, sr)

    change = [max(esr(wet, swept(k, at)) for at in SWEEP) for k in range(u.size)]
    return [10.0 * np.log10(c + 1e-30) > MATTERS_DB for c in change]


def _but_for_twins(names: list[str], a: np.ndarray, b: np.ndarray, matter: list[bool]) -> int:
    """The fewest wrong parameters over all ways in which alike bands can stand in each other's place."""
    alike = groups(names)
    fewest = len(names)
    for order in itertools.permutations(range(len(alike))):
        moved = a.copy()
        for here, there in zip(alike, (alike[i] for i in order), strict=True):
            if here.keys() != there.keys():
                break
            moved[[here[k] for k in sorted(here)]] = a[[there[k] for k in sorted(there)]]
        else:
            fewest = min(fewest, int(np.sum((np.abs(moved - b) > OFF) & np.array(matter))))
    return fewest


def _summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    found = [r["esr"] <= 0.01 and r["esr"] <= 0.1 * max(r["best_gain"], 1e-9) for r in rows]
    return {
        "plugin": name,
        "sounds right": f"{sum(found)} of {len(rows)}",
        "settings right": f"{sum(not r['wrong'] for r in rows)} of {len(rows)}",
        "but for twins": f"{sum(not r['wrong but for twins'] for r in rows)} of {len(rows)}",
        "esr": float(np.median([r["esr"] for r in rows])),
        "seconds": float(np.median([r["seconds"] for r in rows])),
    }
