"""Random settings of our own synths, found from the sound alone by `match`, the family given.

`mrstft` is the distance of `score.py`; `another` that of the hidden settings with other random numbers, which is 0
without noise. `t30` and `pitch` say how far what is heard is off, as shares: the decay of the level curve and, of what
has a pitch, the highest place of the spectrum, both of the mean power over some random numbers. `decay` and `tune` are
as much of the parameters that mean these, which may hardly be heard: the tuning of a snare that is all noise.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import numpy as np

import ddsp_lab as dl
from ddsp_lab._block import Block, Context
from ddsp_lab._param import to_values

from ._recovery import wanted
from .drums import mrstft, t30_s

SR, LENGTH_S, DRAWS = 44_100, 0.5, 8
LEVEL = 0.7  # of its range
HOP, SEEDS = 220, 4  # samples of a level; sets of random numbers that it is a mean of


@dataclass(frozen=True)
class Family:
    """A synth, the parameter that is its decay, the one that is its pitch, and whether it has one."""

    chain: str
    decay: str
    tune: str
    pitched: bool = True


FAMILIES = (
    Family("kick", "decay_s", "tune_hz"),
    Family("snare", "snappy_decay_s", "tune_hz"),
    Family("tom", "decay_s", "tune_hz"),
    Family("hihat", "decay_s", "tune_hz", False),
    Family("clap", "room_decay_s", "tune_hz", False),
)
DRUMS = tuple(family.chain for family in FAMILIES)


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    for family in FAMILIES:
        drawn = [_found(family, seed) for seed in range(wanted(args, 2 if args.quick else DRAWS))]
        rows += [*drawn, _summary(family.chain, drawn)]
    return [*rows, _summary("all", [row for row in rows if "draw" in row])]


def hidden(chain: Block, seed: int) -> dict[str, Any]:
    """Settings drawn evenly in each parameter's own scale; the level and how it answers to velocity are not hidden."""
    space = dl.Space(chain, frozen=("velocity_sensitivity",))
    u = np.random.default_rng(seed).uniform(size=space.size)
    u[space.names.index("level_db")] = LEVEL
    return space.decode(u)


@cache
def _player(chain: Block) -> Any:
    notes = dl.note(60.0, LENGTH_S, 1.0, LENGTH_S)
    return jax.jit(lambda p, seed: chain.apply(p, notes, Context(SR, key=jax.random.key(seed))))


def rendered(chain: Block, values: dict[str, Any], seed: int) -> np.ndarray:
    """The sound of a note with random numbers that no fit has."""
    return np.asarray(_player(chain)(to_values(values), 1000 + seed))


def _found(family: Family, seed: int) -> dict[str, Any]:
    chain = dl.parse(family.chain)
    true = hidden(chain, seed)
    y = rendered(chain, true, seed)
    began, worked = time.perf_counter(), time.process_time()
    result = dl.match(y, SR, family.chain)
    heard = [_heard(chain, values) for values in (result.preset.values, true)]
    powers, spectra = zip(*heard, strict=True)
    row = {
        "family": family.chain,
        "draw": seed,
        "mrstft": mrstft(y[0], np.asarray(result.sounds["fit"])[0]),
        "another": mrstft(y[0], rendered(chain, true, seed + 1)[0]),
        "t30": _off(*(t30_s(power, SR / HOP) for power in powers)),
        "pitch": _off(*(float(np.argmax(spectrum)) for spectrum in spectra)) if family.pitched else np.nan,
        "decay": _off(result.preset.flat[family.decay], true[family.decay]),
        "tune": _off(result.preset.flat[family.tune], true[family.tune]),
        "evaluations": result.metrics["evaluations"],
        "seconds": time.perf_counter() - began,
        "process_seconds": time.process_time() - worked,
    }
    print(row, flush=True)
    return row


def _heard(chain: Block, values: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The mean power over time, and of the spectrum, over some random numbers."""
    sounds = np.stack([rendered(chain, values, seed)[0] for seed in range(SEEDS)])
    power = np.square(sounds[:, : sounds.shape[1] // HOP * HOP]).reshape(SEEDS, -1, HOP).mean(axis=(0, 2))
    return power, np.mean(np.abs(np.fft.rfft(sounds, 1 << (4 * sounds.shape[1]).bit_length())) ** 2, axis=0)


def _off(found: Any, true: Any) -> float:
    return float(np.ravel(found)[0] / np.ravel(true)[0] - 1.0)


def shares(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many patches are near enough, with noise in them and without."""
    quiet = [row for row in rows if row["another"] < 0.05]
    noisy = [row for row in rows if row["another"] >= 0.05]
    return {
        "mrstft": float(np.median([row["mrstft"] for row in rows])),
        "noiseless": f"{sum(row['mrstft'] <= 0.3 for row in quiet)} of {len(quiet)} <= .3",
        "noisy": f"{sum(row['mrstft'] <= 1.1 * row['another'] for row in noisy)} of {len(noisy)} <= 1.1 x another",
        "process_seconds": float(np.median([row["process_seconds"] for row in rows])),
    }


def _summary(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    pitched = [row for row in rows if np.isfinite(row["pitch"])]
    return {
        "family": f"{name}, {len(rows)}",
        **shares(rows),
        **{k: f"{sum(abs(row[k]) <= 0.05 for row in rows)} within 5 %" for k in ("t30", "decay", "tune")},
        "pitch": f"{sum(abs(row['pitch']) <= 0.05 for row in pitched)} of {len(pitched)} within 5 %",
    }
