"""Notes of other people's synths and presets, and what `match` makes of them, beside chance and the nearest file.

`mrstft` is the distance of `score.py`; `nearest` that of the nearest other file, level-matched, `mean` that of a patch
whose settings are the mean of all found with the same chain, `random` that of random search with as many evaluations
of the chain that was found, and `subtractive` the same of the classic voice, which has far fewer settings.
`--draws` is the number of files of each folder, evenly spread; `--quick` takes two, and leaves out the searches.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import ddsp_lab as dl

from ._recovery import wanted
from .drums import mean_presets, mono, mrstft

FOLDERS = ("synth_mda", "synth_amsynth")


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    for folder in FOLDERS:
        sounds = {path.stem: mono(path) for path in sorted(Path(args.data, folder).glob("*.flac"))}
        count = min(wanted(args, 2 if args.quick else len(sounds)), len(sounds))
        chosen = [list(sounds)[i] for i in np.linspace(0, len(sounds) - 1, count).round().astype(int)]
        results = {name: _found(folder, name, sounds, args.quick) for name in chosen}
        means = mean_presets({name: result for name, (result, _) in results.items()})
        for name, (result, row) in results.items():
            x, sr = sounds[name]
            row["mean"] = mrstft(x, np.asarray(means[row["chain"]].render(result.played, sr))[0])
        rows += [row for _, row in results.values()]
        rows.append(_summary(folder, rows[-count:]))
    return rows


def _found(folder: str, name: str, sounds: dict[str, Any], quick: bool) -> tuple[dl.MatchResult, dict[str, Any]]:
    x, sr = sounds[name]
    began, worked = time.perf_counter(), time.process_time()
    result = dl.match(x, sr)
    row = {
        "sound": f"{folder}/{name}",
        "chain": result.preset.chain,
        "mrstft": mrstft(x, np.asarray(result.sounds["fit"])[0]),
        "nearest": min(mrstft(x, _as_loud(y, x)) for k, (y, _) in sounds.items() if k != name),
        "pitch": float(result.played.pitch[0]),
        "evaluations": result.metrics["evaluations"],
        "seconds": time.perf_counter() - began,
        "process_seconds": time.process_time() - worked,
    }
    for key, chain in {} if quick else {"random": row["chain"], "subtractive": "subtractive"}.items():
        chance = dl.match(x, sr, chain, optimizer="random_search", budget=row["evaluations"])
        row[key] = mrstft(x, np.asarray(chance.sounds["fit"])[0])
    print(row, flush=True)
    return result, row


def _as_loud(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return y * np.sqrt(np.mean(np.square(x)) / max(float(np.mean(np.square(y))), 1e-12))


def _summary(folder: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    keys = [k for k in ("mrstft", "nearest", "mean", "random", "subtractive") if k in rows[0]]
    medians = {k: float(np.median([row[k] for row in rows])) for k in keys}
    ratios = {f"{k} / mrstft": medians[k] / medians["mrstft"] for k in keys[1:]}
    return {"sound": f"{folder}, {len(rows)}"} | medians | ratios
