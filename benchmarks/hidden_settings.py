"""Are hidden settings found? `parametric_eq(bands=4) >> compressor >> gain` at random settings, on a guitar.

Fitted on the guitar, tried on drums that the fit never saw. Beside it what the best gain and the best filter leave.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl
from ddsp_lab._block import Context
from ddsp_lab._param import to_values
from ddsp_lab._score import esr

from ._recovery import eq_difference_db, load, median, recover, wanted

CHAIN = "parametric_eq(bands=4) >> compressor >> gain"
DRAWS = 20
WORKING_DB = 3.0  # a compressor that takes off less cannot show its times


def run(args: Any) -> list[dict[str, Any]]:
    guitar, drums = (load(args.data, "blackbox_fx", f"dry_{name}.flac") for name in ("guitar", "drums"))
    chain = dl.parse(CHAIN)

    def columns(hidden: Any, result: dl.FitResult) -> dict[str, Any]:
        found = result.values
        unseen = dl.render(chain, hidden, drums.samples, drums.sr)
        times = {k: float(found["compressor"][k] / hidden["compressor"][k] - 1.0) for k in ("attack_ms", "release_ms")}
        return {
            "esr_drums": esr(unseen, result.render(drums.samples, drums.sr)),
            "eq_db": eq_difference_db(4, hidden["parametric_eq"], found["parametric_eq"], guitar.samples, guitar.sr),
            "reduction_db": _reduction_db(chain, hidden, guitar),
        } | times

    rows = recover(chain, guitar, wanted(args, DRAWS), columns)
    return [*rows, _summary(rows)]


def _reduction_db(chain: Any, hidden: Any, sound: dl.audio.Recording) -> float:
    """The most that the hidden compressor takes off, over all but the loudest hundredth of the recording."""
    eq, compressor, _ = chain.children.values()
    x = jnp.asarray(dl.render(eq, hidden["parametric_eq"], sound.samples, sound.sr))
    ctx = Context(sound.sr)
    _, reduction = compressor.reduction_db(to_values(hidden["compressor"]), compressor.init(1, ctx), x, ctx)
    return float(np.quantile(np.asarray(reduction), 0.99))


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    working = [r for r in rows if r["reduction_db"] >= WORKING_DB]
    return {
        "draw": f"of {len(rows)}",
        "esr": f"{sum(r['esr'] <= 1e-5 for r in rows)} <= 1e-5, median {np.median([r['esr'] for r in rows]):.1e}",
        "esr_drums": f"{sum(r['esr_drums'] <= 1e-4 for r in rows)} <= 1e-4",
        "eq_db": f"{sum(r['eq_db'] <= 0.5 for r in rows)} <= 0.5 dB",
        "reduction_db": f"{len(working)} >= {WORKING_DB:g} dB",
        "attack_ms": f"{sum(abs(r['attack_ms']) <= 0.2 for r in working)} of {len(working)} within 20 %",
        "release_ms": f"{sum(abs(r['release_ms']) <= 0.2 for r in working)} of {len(working)} within 20 %",
        "seconds": median(rows, "seconds"),
    }
