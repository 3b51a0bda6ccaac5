"""Is hidden modulation found? A tremolo, a chorus, a flanger and a phaser at random settings, on six seconds of guitar.

Counted are draws that can be heard: a rate from 0.5 Hz, depth and mix from 0.2 up. Beside each fit what the best gain
and the best filter leave.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import ddsp_lab as dl

from ._recovery import best_fir, best_gain, draw, load

CHAINS = ("tremolo", "chorus", "flanger", "phaser")
DRAWS, SECONDS = 10, 6
HEARD = {"rate_hz": 0.5, "depth": 0.2, "mix": 0.2}


def heard(chain: dl.Block) -> Iterator[tuple[int, Any]]:
    """Seeds and hidden values whose modulation can be heard."""
    seed = 0
    while True:
        hidden = draw(chain, seed)
        if all(hidden.get(k, 1.0) >= least for k, least in HEARD.items()):
            yield seed, hidden
        seed += 1


def trial(chain: dl.Block, seed: int, hidden: Any, dry: np.ndarray, sr: int) -> dict[str, Any]:
    wet = dl.render(chain, hidden, dry, sr)
    began = time.perf_counter()
    result = dl.fit(chain, dry, wet, sr)
    return {
        "chain": str(chain),
        "draw": seed,
        "esr": result.metrics["esr_aligned"],
        "rate": float(result.values["rate_hz"] / hidden["rate_hz"] - 1.0),
        "best_gain": best_gain(dry, wet),
        "best_fir": best_fir(dry, wet),
        "evaluations": result.metrics["evaluations"],
        "seconds": time.perf_counter() - began,
    }


def found(row: dict[str, Any]) -> bool:
    return abs(row["rate"]) <= 0.01 and row["esr"] <= 0.02


def run(args: Any) -> list[dict[str, Any]]:
    guitar = load(args.data, "blackbox_fx", "dry_guitar.flac")
    dry = guitar.samples[:, : SECONDS * guitar.sr]
    rows, summary = [], []
    for name in CHAINS:
        chain, draws = dl.parse(name), getattr(args, "draws", None) or DRAWS
        mine = []
        for _, (seed, hidden) in zip(range(draws), heard(chain), strict=False):
            mine.append(trial(chain, seed, hidden, dry, guitar.sr))
            print(mine[-1], flush=True)
        rows += mine
        summary.append(
            {
                "chain": name,
                "found": f"{sum(map(found, mine))} of {len(mine)}",
                "esr": float(np.median([r["esr"] for r in mine])),
                "seconds": f"median {np.median([r['seconds'] for r in mine]):.1f}",
            }
        )
    return rows + summary
