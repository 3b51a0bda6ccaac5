"""How far searches get for as many evaluations: on functions, and on chains whose settings are hidden.

First, every search without gradients against `random_search`: ten seeds each, 1,000 evaluations of a function and 600
of a chain with nine parameters. Then twelve chains of 6 to 20 parameters, a quarter of a second at 16 kHz: the least
loss that a search of nevergrad's has after 5,000 evaluations, and how many each of ours takes to get there (`-` where
it does not within as many). Most of the hour that this takes is nevergrad's own bookkeeping; `--draws 1` takes a third,
`--quick` two chains, 1,000 evaluations and a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import ddsp_lab as dl

from ._recovery import wanted
from ._searches import ALGORITHMS, FUNCTIONS, NINE, Analytic, Hidden, cube, ended_at

SEEDS, DRAWS, PATIENCE = 10, 3, 5000
WITHOUT = ("cma_es", "differential_evolution", "memetic", "pso", "pygad")
WITH = ("alternating", "levenberg_marquardt", "adam")
SPECTRUM = "multi_resolution_stft"
CHAINS = (
    ("parametric_eq(bands=3) >> gain", "esr"),
    ("high_pass >> peak >> high_shelf", SPECTRUM),
    ("compressor >> tilt_eq", "esr"),
    ("gate >> transient_shaper", SPECTRUM),
    ("parametric_eq(bands=2) >> compressor >> gain", "esr"),
    ("parametric_eq(bands=4) >> compressor >> soft_clip", "esr"),
    ("delay >> parametric_eq(bands=2)", "esr"),
    ("reverb_fdn >> peak", SPECTRUM),
    ("phaser >> gain", "esr"),
    ("tremolo >> low_shelf", SPECTRUM),
    ("0.5 * soft_clip + 0.5 * parametric_eq(bands=2)", "esr"),
    ("one_of(fuzz, tube) >> low_pass >> gain", "esr"),
)


def run(args: Any) -> list[dict[str, Any]]:
    if getattr(args, "quick", False):
        return list(chains(CHAINS[:2], 1, 1000))
    return [*functions(SEEDS, searches() + nevergrads()), *chains(CHAINS, wanted(args, DRAWS), PATIENCE)]


def searches() -> list[str]:
    """Every search of ours that needs no gradient, `random_search` first."""
    ours = [k for k, v in sorted(dl.Optimizer.registry.items()) if not v.needs_gradient and k != "nevergrad"]
    return sorted(ours, key=lambda k: k != "random_search")


def nevergrads() -> list[str]:
    """Each of its algorithms, with as many rounds as its budget has: `OnePlusOne` asks for single points."""
    return [f"nevergrad('{a}', generations={PATIENCE})" for a in ALGORITHMS if a != "RandomSearch"]


def cases() -> dict[str, Callable[[str, int], float]]:
    """The least loss of a search with a seed, by what it is measured on."""

    def of_a_function(loss: Callable[[Any], Any]) -> Callable[[str, int], float]:
        return lambda name, seed: ended_at(-np.inf, Analytic(loss, 1000), cube(10), name, seed).best.loss

    functions = {name: of_a_function(loss) for name, loss in FUNCTIONS.items()}
    return functions | {NINE: lambda name, seed: Hidden(NINE, seed).searched(name, seed, 600).best.loss}


def functions(seeds: int, names: list[str]) -> Iterator[dict[str, Any]]:
    """A row a search: medians over seeds, and in how many of them its best is better than random search's."""
    chance: dict[str, np.ndarray] = {}
    for name in names:
        row: dict[str, Any] = {"search": name}
        for case, least in cases().items():
            losses = np.array([least(name, seed) for seed in range(seeds)])
            won = int((losses < chance.setdefault(case, losses)).sum())
            row |= {case: float(np.median(losses)), f"won of {seeds}, {case}": won}
        print(row, flush=True)
        yield row


def chains(which: tuple[tuple[str, str], ...], draws: int, patience: int) -> Iterator[dict[str, Any]]:
    """A row a chain, medians over draws: evaluations until nevergrad's best, and the share of its own that is."""
    for chain, target in which:
        names = (*WITHOUT, *(WITH if target == "esr" else ("adam",)))
        drawn = [raced(Hidden(chain, draw, target), draw, names, patience) for draw in range(draws)]
        middle = {n: float(np.median([taken[n] for _, taken in drawn])) for n in names}
        without = min(middle[n] for n in names if n in WITHOUT)
        row = {
            "chain": chain,
            "target": target,
            "parameters": dl.Space(dl.parse(chain)).size,
            "nevergrad": float(np.median([goal for goal, _ in drawn])),
            **{n: middle.get(n, np.inf) for n in (*WITHOUT, *WITH)},
            "best": min(middle.values()) / patience,
            "best without gradients": without / patience,
        }
        row = {k: "-" if v == np.inf else v for k, v in row.items()}
        print(row, flush=True)
        yield row


def raced(hidden: Hidden, seed: int, names: tuple[str, ...], patience: int) -> tuple[float, dict[str, float]]:
    """The least loss of nevergrad's searches, and after how many evaluations each of ours is there."""
    goal = min(hidden.searched(name, seed, patience).best.loss for name in nevergrads())
    found = {name: hidden.searched(name, seed, patience, goal) for name in names}
    return goal, {k: float(v.evaluations) if v.best.loss <= goal else np.inf for k, v in found.items()}
