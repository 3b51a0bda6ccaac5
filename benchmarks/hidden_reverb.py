"""Is a hidden reverb found? Every reverb at random settings, on six seconds of guitar, by the default fit.

Counted are the draws with a `mix` of 0.2 or more: how far the reverberation time is from the hidden one. Of
`noise_reverb` it is that of the band which is furthest off, among those within 20 dB of the loudest.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

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
            truth, answer = (_reverberation_s(chain, p, hidden, guitar.sr) for p in (hidden, result.values))
            off = answer / truth - 1.0
            worst = int(np.argmax(np.abs(off)))
            return {"mix": float(hidden["mix"]), "decay_s": float(truth[worst]), "off": float(off[worst])}

        mine = recover(chain, guitar, wanted(args, DRAWS), columns, HEARD)
        summary = {"off": count(mine, "off", WITHIN), "esr": median(mine, "esr"), "seconds": median(mine, "seconds")}
        rows += [*mine, {"chain": name} | summary]
    return rows


def _reverberation_s(chain: Any, p: Any, hidden: Any, sr: int) -> np.ndarray:
    """Of all that sounds alike; of bands, those that are loud in truth."""
    if "decay_s" not in p:
        return np.atleast_1d(chain.reverberation_s({k: jnp.asarray(v) for k, v in p.items()}, sr))
    seconds = np.atleast_1d(p["decay_s"])
    if "gain_db" not in p:
        return seconds
    level = np.asarray(hidden["gain_db"]) + 10.0 * np.log10(hidden["decay_s"])
    return seconds[level >= level.max() - LOUD_DB]
