"""A hundred one-shots at once, and one after the other: hits of the drum synths at random settings, half a second each.

Programs are compiled before. Both ways take turns, a dozen hits of the separate fits for every batch, so that a busy
machine is busy for both; `process_seconds` is what the processors worked. `--draws` is the number of hits, `loss` the
median of what is left.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import ddsp_lab as dl

from .own_patches import DRUMS, SR, hidden, rendered

HITS, TURN = 100, 12


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    for name in DRUMS[: 1 if args.quick else None]:
        count = max(TURN, (args.draws or HITS) // len(DRUMS))
        chain = dl.parse(name)
        hits = [rendered(chain, hidden(chain, seed), seed) for seed in range(count)]
        dl.match_many(hits[:TURN], SR, name)
        dl.match(hits[0], SR, name)
        together = _timed(lambda hits=hits, name=name: dl.match_many(hits, SR, name))
        alone = _timed(lambda hits=hits, name=name: [dl.match(y, SR, name) for y in hits[:TURN]])
        ratio = {k: together[k] / count / (alone[k] / TURN) for k in ("seconds", "process_seconds")}
        rows.append(
            {"synth": name, "hits": count}
            | {f"{k}_together": together[k] / count for k in ratio}
            | {f"{k}_alone": alone[k] / TURN for k in ratio}
            | {f"{k}_ratio": v for k, v in ratio.items()}
            | {"loss_together": together["loss"], "loss_alone": alone["loss"]}
        )
        print(rows[-1], flush=True)
    return rows


def _timed(search: Any) -> dict[str, float]:
    began, worked = time.perf_counter(), time.process_time()
    results = search()
    taken = {"seconds": time.perf_counter() - began, "process_seconds": time.process_time() - worked}
    return taken | {"loss": float(np.median([r.metrics["loss"] for r in results[:TURN]]))}
