"""Is a hidden reverb found? `reverb_fdn`, `freeverb` and `plate` at random settings, on a guitar, by the default fit.

Counted are the draws with a `mix` of 0.2 or more: how far the reverberation time is from the hidden one.
"""

from __future__ import annotations

import time
from typing import Any

import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl

from ._recovery import best_fir, best_gain, draw, load

CHAINS = ("reverb_fdn", "freeverb", "plate")
DRAWS = 10
HEARD = 0.2  # the least mix that counts
WITHIN = 0.05  # of the reverberation time


def run(args: Any) -> list[dict[str, Any]]:
    guitar = load(args.data, "blackbox_fx", "dry_guitar.flac")
    rows = []
    for name in CHAINS:
        chain, found, seed = dl.parse(name), [], 0
        while len(found) < (getattr(args, "draws", None) or DRAWS):
            hidden = draw(chain, seed)
            seed += 1
            if hidden["mix"] >= HEARD:
                found.append({"chain": name, "draw": seed - 1} | _recovered(chain, hidden, guitar))
                print(found[-1], flush=True)
        rows += [*found, _summary(name, found)]
    return rows


def _recovered(chain: Any, hidden: Any, guitar: dl.audio.Recording) -> dict[str, Any]:
    wet = dl.render(chain, hidden, guitar.samples, guitar.sr)
    began = time.perf_counter()
    result = dl.fit(chain, guitar.samples, wet, guitar.sr)
    seconds = time.perf_counter() - began
    truth, answer = (_reverberation_s(chain, p, guitar.sr) for p in (hidden, result.values))
    return {
        "mix": float(hidden["mix"]),
        "decay_s": truth,
        "off": answer / truth - 1.0,
        "esr": result.metrics["esr_aligned"],
        "best_gain": best_gain(guitar.samples, wet),
        "best_fir": best_fir(guitar.samples, wet),
        "seconds": seconds,
    }


def _reverberation_s(chain: Any, p: Any, sr: int) -> float:
    if "decay_s" in p:
        return float(p["decay_s"])
    return float(chain.reverberation_s({k: jnp.asarray(v) for k, v in p.items()}, sr))


def _summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "chain": name,
        "draw": f"of {len(rows)}",
        "off": f"{sum(abs(r['off']) <= WITHIN for r in rows)} within {100 * WITHIN:g} %",
        "esr": f"median {np.median([r['esr'] for r in rows]):.1e}",
        "seconds": f"median {np.median([r['seconds'] for r in rows]):.1f}, worst {max(r['seconds'] for r in rows):.1f}",
    }
