"""Random settings of our own tonal synths, found from the sound alone by `match`, the family given.

A note of random pitch and length, in a recording of 1.5 s. `mrstft` is the distance of `score.py`; `loss` that which
the search minimises, deaf to what is 80 dB below the loudest; `another` the distance of the hidden settings with other
random numbers, 0 without noise, and `higher` that of the same a hundredth of a cent higher, which nobody hears: the
score minds what lies at -140 dB, where there is the rounding of float32. `cents` is how far the pitch is off: of the
note with its tuning, of an FM voice that of its carrier, and of two oscillators that of the louder: swapped, they sound
the same. `heard` is the same of the pitch that sounds, as one hears it in both.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import jax
import numpy as np

import ddsp_lab as dl
from ddsp_lab._block import Context
from ddsp_lab._param import to_values
from ddsp_lab.dsp.transcribe import transcribe

from ._recovery import wanted
from .drums import mrstft
from .own_patches import shares

SR, LENGTH_S, ONSET_S, DRAWS = 44_100, 1.5, 0.05, 8
CHAINS = ("subtractive", "fm", "additive")
HIGHER_ST = 1e-4
GIVEN = {"level_db": -6.0, "tune_st": 0.0, "velocity_sensitivity": 0.5}  # what no sound can tell from the note


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    for name in CHAINS:
        drawn = [_found(name, seed) for seed in range(wanted(args, 2 if args.quick else DRAWS))]
        rows += [*drawn, _summary(name, drawn)]
    return rows


def _found(name: str, seed: int) -> dict[str, Any]:
    chain, rng = dl.parse(name), np.random.default_rng(seed)
    notes = dl.notes([(ONSET_S, rng.uniform(0.4, 1.2), rng.uniform(40.0, 72.0), 0.8)], LENGTH_S)
    known = {k: v for k, v in GIVEN.items() if k in {q.name for q in chain.params}}
    space = dl.Space(chain, start=known, frozen=list(known))
    true = space.decode(rng.random(space.size))

    def sound(numbers: int, above_st: float = 0.0) -> np.ndarray:
        played = replace(notes, pitch=notes.pitch + np.float32(above_st))
        return np.asarray(chain.apply(to_values(true), played, Context(SR, key=jax.random.key(numbers))))[0]

    y = sound(1000 + seed)
    began, worked = time.perf_counter(), time.process_time()
    result = dl.match(y, SR, name)
    fit = np.asarray(result.sounds["fit"])[0]
    row = {
        "family": name,
        "draw": seed,
        "mrstft": mrstft(y, fit),
        "another": mrstft(y, sound(2000 + seed)),
        "higher": mrstft(y, sound(1000 + seed, HIGHER_ST)),
        "loss": result.metrics["loss"],
        "cents": _off(_pitches(result.played, result.preset.flat), _pitches(notes, true)),
        "heard": _cents_apart(y, fit),
        "notes": result.played.count,
        "confidence": min(result.confidence),
        "evaluations": result.metrics["evaluations"],
        "seconds": time.perf_counter() - began,
        "process_seconds": time.process_time() - worked,
    }
    print(row, flush=True)
    return row


def _pitches(notes: dl.Notes, values: Any) -> list[float]:
    """Of the oscillator that is mixed in most, and of the other one, if there is one."""
    loudest = int(np.argmax(np.asarray(notes.velocity) * np.asarray(notes.duration_s)))
    ratio = float(np.ravel(values.get("carrier_ratio", 1.0))[0])
    first = float(notes.pitch[loudest]) + float(np.ravel(values.get("tune_st", 0.0))[0]) + 12.0 * np.log2(ratio)
    if "osc2_tune_st" not in values:
        return [first]
    pitches = [first, first + float(np.ravel(values["osc2_tune_st"])[0])]
    return pitches[:: -1 if float(np.ravel(values["osc_mix"])[0]) > 0.5 else 1]


def _off(found: list[float], true: list[float]) -> float:
    """In cents: of the louder oscillator, as which of the two it was found cannot be told."""
    return min((100.0 * (pitch - true[0]) for pitch in found), key=abs)


def _cents_apart(x: np.ndarray, y: np.ndarray) -> float:
    """Of the pitch of the longest note that is heard in each."""
    found = [transcribe(v, SR) for v in (x, y)]
    a, b = (float(of.pitch[int(np.argmax(of.duration_s))]) for of in found)
    return 100.0 * (b - a)


def _summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    within = {k: f"{sum(abs(row[k]) <= 2.0 for row in rows)} within 2" for k in ("cents", "heard")}
    return {"family": f"{name}, {len(rows)}", **shares(rows), **within}
