"""Are hidden weights found? `a*parametric_eq(bands=2) + b*soft_clip + c*delay` with weights and settings at random.

A low shelf is a high shelf of the opposite gain times a gain, so an equaliser of two shelves has a twin at another
weight which no recording can tell from it: `weights` counts the hidden weights themselves, `or_twin` also their twin's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import ddsp_lab as dl

from ._recovery import load, median, recover, wanted

CHAIN = "parametric_eq(bands=2) + soft_clip + delay"
BRANCHES = ("parametric_eq", "soft_clip", "delay")
DRAWS = 10
NEAR = 0.03


def run(args: Any) -> list[dict[str, Any]]:
    guitar = load(args.data, "blackbox_fx", "dry_guitar.flac")

    def columns(hidden: Any, result: dl.FitResult) -> dict[str, Any]:
        true, found = (np.array([float(p["weights"][name]) for name in BRANCHES]) for p in (hidden, result.values))
        twin = true * [10.0 ** (np.sum(hidden["parametric_eq"]["gain_db"]) / 20.0), 1.0, 1.0]
        off, off_twin = (float(np.abs(w - found).max()) for w in (true, twin))
        return {"weights": off, "or_twin": min(off, off_twin)}

    rows = recover(dl.parse(CHAIN), guitar, wanted(args, DRAWS), columns)
    good = [r for r in rows if r["esr"] <= 1e-3]
    rows.append(
        {
            "draw": f"of {len(rows)}",
            "esr": f"{len(good)} <= 1e-3",
            "weights": f"{sum(r['weights'] <= NEAR for r in good)} within {NEAR}",
            "or_twin": f"{sum(r['or_twin'] <= NEAR for r in good)} within {NEAR}",
            "seconds": median(rows, "seconds"),
        }
    )
    return rows
