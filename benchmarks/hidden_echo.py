"""Is a hidden echo found? `delay`, plain and damped, at random, on seven seconds of guitar, by the default fit.

Counted are draws with a mix of 0.2 or more; the time is anywhere in its range, up to two seconds. `off` is how many
samples the time is from the hidden one, `feedback` how far that is, relatively.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import ddsp_lab as dl

from ._recovery import count, load, median, recover, wanted

CHAINS, DRAWS = ("delay", "delay(damped=true)"), 10
HEARD = {"mix": 0.2}
SAMPLES, SHARE = 1.0, 0.02  # of time and feedback, within which they count as found


def run(args: Any) -> list[dict[str, Any]]:
    guitar = load(args.data, "blackbox_fx", "dry_guitar.flac")

    def columns(hidden: Any, result: dl.FitResult) -> dict[str, Any]:
        found = result.values
        damping = {k: float(found[k] - v) for k, v in hidden.items() if k == "damping"}
        return damping | {
            "time_ms": float(hidden["time_ms"]),
            "off": float(found["time_ms"] - hidden["time_ms"]) * 1e-3 * guitar.sr,
            "feedback": float(found["feedback"] / hidden["feedback"] - 1.0),
        }

    found = {name: recover(dl.parse(name), guitar, wanted(args, DRAWS), columns, HEARD) for name in CHAINS}
    return [*chain.from_iterable(found.values()), *(_summary(name, rows) for name, rows in found.items())]


def _summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "chain": name,
        "found": sum(abs(r["off"]) <= SAMPLES and abs(r["feedback"]) <= SHARE for r in rows),
        "off": count(rows, "off", SAMPLES, " sample"),
        "feedback": count(rows, "feedback", SHARE),
        "esr": median(rows, "esr"),
        "seconds": median(rows, "seconds"),
    }
