"""Is hidden modulation found? A tremolo, a chorus, a flanger and a phaser at random settings, on six seconds of guitar.

Counted are draws that can be heard: a rate from 0.5 Hz, depth and mix from 0.2 up. `rate` is how far it is from the
hidden one, relatively; found is what comes within a hundredth, and within an ESR of 0.02.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ddsp_lab as dl

from ._recovery import load, median, recover, wanted

CHAINS = ("tremolo", "chorus", "flanger", "phaser")
DRAWS, SECONDS = 10, 6
HEARD = {"rate_hz": 0.5, "depth": 0.2, "mix": 0.2}
NEAR, ESR = 0.01, 0.02


def columns(hidden: Any, result: dl.FitResult) -> dict[str, Any]:
    return {"rate": float(result.values["rate_hz"] / hidden["rate_hz"] - 1.0)}


def run(args: Any) -> list[dict[str, Any]]:
    guitar = load(args.data, "blackbox_fx", "dry_guitar.flac")
    guitar = replace(guitar, samples=guitar.samples[:, : SECONDS * guitar.sr])
    rows, summary = [], []
    for name in CHAINS:
        mine = recover(dl.parse(name), guitar, wanted(args, DRAWS), columns, HEARD)
        rows += mine
        summary.append(
            {
                "chain": name,
                "found": f"{sum(abs(r['rate']) <= NEAR and r['esr'] <= ESR for r in mine)} of {len(mine)}",
                "esr": median(mine, "esr"),
                "seconds": median(mine, "seconds"),
            }
        )
    return rows + summary
