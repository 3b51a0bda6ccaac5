"""Is a hidden reverb found? Every reverb at random settings, on six seconds of guitar, by the default fit.

Counted are the draws with a `mix` of 0.2 or more: how far the reverberation time is from the hidden one. Of
`noise_reverb` it is that of the band which is furthest off, among those within 20 dB of the loudest.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

import ddsp_lab as dl

from ._recovery import count, load, median, recover, wanted

CHAINS = ("reverb_fdn", "freeverb", "plate", "noise_reverb")
DRAWS = 10
HEARD = {"mix": 0.2}  # the least that counts
WITHIN = 0.05  # of the reverberation time
LOUD_DB = 20.0  # below the loudest band


def run(args: Any) -> list[dict[str, Any]]:
    guitar = load(args.data, "blackbox_fx", "dry_guitar.flac")
    rows = []
    for name in CHAINS:
        chain = dl.parse(name)

        def columns(hidden: Any, result: dl.FitResult, chain: Any = chain) -> dict[str, Any]:
            truth, answer = (_reverberation_s(chain, p, guitar.sr) for p in (hidden, result.values))
            return {"mix": float(hidden["mix"]), "decay_s": truth, "off": answer / truth - 1.0}

        mine = recover(chain, guitar, wanted(args, DRAWS), columns, HEARD)
        summary = {"off": count(mine, "off", WITHIN), "esr": median(mine, "esr"), "seconds": median(mine, "seconds")}
        rows += [*mine, {"chain": name} | summary]
    return rows


<<<<<<< HEAD
def _recovered(chain: Any, hidden: Any, guitar: dl.audio.Recording) -> dict[str, Any]:
    wet = dl.render(chain, hidden, guitar.samples, guitar.sr)
    began = time.perf_counter()
    result = dl.fit(chain, guitar.samples, wet, guitar.sr)
    seconds = time.perf_counter() - began
    truth, answer = (_reverberation_s(chain, p, hidden, guitar.sr) for p in (hidden, result.values))
    off = answer / truth - 1.0
    worst = int(np.argmax(np.abs(off)))
    return {
        "mix": float(hidden["mix"]),
        "decay_s": float(truth[worst]),
        "off": float(off[worst]),
        "esr": result.metrics["esr_aligned"],
        "best_gain": best_gain(guitar.samples, wet),
        "best_fir": best_fir(guitar.samples, wet),
        "seconds": seconds,
    }


def _reverberation_s(chain: Any, p: Any, hidden: Any, sr: int) -> np.ndarray:
    """Of all that sounds alike; of bands, those that are loud in truth."""
    if "decay_s" not in p:
        return np.atleast_1d(chain.reverberation_s({k: jnp.asarray(v) for k, v in p.items()}, sr))
    seconds = np.atleast_1d(p["decay_s"])
    if "gain_db" not in p:
        return seconds
    level = np.asarray(hidden["gain_db"]) + 10.0 * np.log10(hidden["decay_s"])
    return seconds[level >= level.max() - LOUD_DB]


def _summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "chain": name,
        "draw": f"of {len(rows)}",
        "off": f"{sum(abs(r['off']) <= WITHIN for r in rows)} within {100 * WITHIN:g} %",
        "esr": f"median {np.median([r['esr'] for r in rows]):.1e}",
        "seconds": f"median {np.median([r['seconds'] for r in rows]):.1f}, worst {max(r['seconds'] for r in rows):.1f}",
    }
=======
def _reverberation_s(chain: Any, p: Any, sr: int) -> float:
    if "decay_s" in p:
        return float(p["decay_s"])
    return float(chain.reverberation_s({k: jnp.asarray(v) for k, v in p.items()}, sr))
>>>>>>> 353f9da (Damp the loop of delay and ping_pong_delay, and find hidden echoes)
