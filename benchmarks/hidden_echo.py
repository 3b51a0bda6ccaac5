"""Is a hidden echo found? `delay` at random settings, on seven seconds of guitar, by the default fit.

Counted are draws with a mix of 0.2 or more; the time is anywhere in its range, up to two seconds. `off` is how many
samples the time is from the hidden one, `feedback` how far that is, relatively.
"""

from __future__ import annotations

from typing import Any

import ddsp_lab as dl

from ._recovery import count, load, median, recover, wanted

CHAIN, DRAWS = "delay", 10
HEARD = {"mix": 0.2}
SAMPLES, SHARE = 1.0, 0.02  # of time and feedback, within which they count as found


def run(args: Any) -> list[dict[str, Any]]:
    guitar = load(args.data, "blackbox_fx", "dry_guitar.flac")

    def columns(hidden: Any, result: dl.FitResult) -> dict[str, Any]:
        found = result.values
        return {
            "time_ms": float(hidden["time_ms"]),
            "off": float(found["time_ms"] - hidden["time_ms"]) * 1e-3 * guitar.sr,
            "feedback": float(found["feedback"] / hidden["feedback"] - 1.0),
            "damping": float(found["damping"] - hidden["damping"]),
        }

    rows = recover(dl.parse(CHAIN), guitar, wanted(args, DRAWS), columns, HEARD)
    summary = {
        "chain": CHAIN,
        "found": sum(abs(r["off"]) <= SAMPLES and abs(r["feedback"]) <= SHARE for r in rows),
        "off": count(rows, "off", SAMPLES, " sample"),
        "feedback": count(rows, "feedback", SHARE),
        "esr": median(rows, "esr"),
        "seconds": median(rows, "seconds"),
    }
    return [*rows, summary]
