"""Many problems of one shape searched together: a few of them side by side in one program, on every core."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from ._problem import Problem
from ._programs import compiled

LANES = 8  # problems in one program
STARTS, APART = 2, 0.03  # descents of each problem at first, and how far they begin apart in some coordinate
FAR = 1.5  # times the least loss: a start that is worse is left out
SHORT, LONG = 20, 140  # steps of each of them, and of the better one at most
RATE, WARM, LAST = 0.03, 5, 0.01  # of Adam; steps until it is reached; what is left of it at the end
PATIENCE, GAIN, COOLING = 20, 0.03, 40  # steps that take that share off the loss, or else the rate falls, in so many


class Member(NamedTuple):
    """A problem and the points at which its search may begin, (k, n); the first is where its chain begins."""

    problem: Problem
    points: np.ndarray


class Found(NamedTuple):
    u: np.ndarray
    loss: float
    loss_start: float
    evaluations: int


class _Row(NamedTuple):
    member: int
    u: np.ndarray


def shape_of(problem: Problem) -> Any:
    """Equal for problems that one program serves."""
    leaves, structure = jax.tree.flatten(problem)
    return structure, tuple(np.shape(leaf) for leaf in leaves)


class Together:
    """Searches problems of one shape. What is found for one does not depend on which others there are.

    From the best of its points, no two near each other, each problem has two short descents by Adam and goes on from
    the better one, until that hardly gains any more: then it leaves its lane to another.
    """

    def __init__(self, members: Sequence[Member]):
        self.members = members
        self.problems = [jax.tree.map(np.asarray, member.problem) for member in members]
        self.spent = np.zeros(len(members), int)
        self._kept: dict[tuple[int, ...], Problem] = {}

    def search(self) -> list[Found]:
        begins, rows = [], []
        for i, (member, mine) in enumerate(zip(self.members, self.glance(), strict=True)):
            begins.append(float(mine[0]))
            chosen: list[np.ndarray] = []
            for k in np.argsort(mine, kind="stable")[: np.count_nonzero(mine <= FAR * mine.min()) or 1]:
                if len(chosen) < STARTS and all(np.abs(member.points[k] - u).max() > APART for u in chosen):
                    chosen.append(member.points[k])
            rows += [_Row(i, u) for u in chosen]
        us, left = self._descended(rows, SHORT, 0)
        best = [min((k for k, row in enumerate(rows) if row.member == i), key=left.__getitem__) for i in self._all]
        on = [_Row(i, us[k]) for i, k in zip(self._all, best, strict=True)]
        ends, least = self._descended(on, LONG, COOLING)
        return [
            Found(ends[i] if least[i] <= left[k] else us[k], float(min(least[i], left[k])), begins[i], int(spent))
            for i, k, spent in zip(self._all, best, self.spent, strict=True)
        ]

    def glance(self) -> list[Float[np.ndarray, " k"]]:
        """The losses at each member's points."""
        losses = self._losses([_Row(i, u) for i, member in enumerate(self.members) for u in member.points])
        return np.split(losses, np.cumsum([len(member.points) for member in self.members])[:-1])

    @property
    def _all(self) -> range:
        return range(len(self.members))

    def _losses(self, rows: Sequence[_Row]) -> Float[np.ndarray, " r"]:
        """The loss at each row."""
        np.add.at(self.spent, [row.member for row in rows], 1)
        found = np.concatenate([out[0] for out in self._each(_losses, rows)])
        return np.where(np.isfinite(found), found, np.inf)

    def _each(self, ask: Callable[..., Any], rows: Sequence[_Row]) -> list[tuple[np.ndarray, ...]]:
        """What a program says of rows, a chunk in every thread."""
        chunks = [rows[k : k + LANES] for k in range(0, len(rows), LANES)]

        def run(chunk: Sequence[_Row]) -> tuple[np.ndarray, ...]:
            full = [*chunk, *[chunk[-1]] * (LANES - len(chunk))]
            out = ask(self._stacked(tuple(row.member for row in full)), np.stack([row.u for row in full]))
            return tuple(np.asarray(v, np.float64)[: len(chunk)] for v in out)

        first, rest = [run(chunk) for chunk in chunks[:1]], chunks[1:]  # the first one is compiled
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            return [*first, *threads.map(run, rest)]

    def _stacked(self, which: tuple[int, ...]) -> Problem:
        """Several problems as one, kept as long as they go on together."""
        if which not in self._kept:
            if len(self._kept) > 2 * len(self.members):
                self._kept.clear()
            together = jax.tree.map(lambda *leaves: np.stack(leaves), *[self.problems[k] for k in which])
            self._kept[which] = jax.device_put(together)
        return self._kept[which]

    def _descended(self, rows: Sequence[_Row], steps: int, cooling: int) -> tuple[np.ndarray, np.ndarray]:
        """The lowest point on the way of each row, and its loss. For the last `cooling` steps, which come early where a
        row hardly gains any more, its rate falls."""
        us = np.array([row.u for row in rows])
        best, least = us.copy(), np.full(len(rows), np.inf)
        first, second, since = np.zeros_like(us), np.zeros_like(us), np.full(len(rows), np.inf)
        cools, here = np.full(len(rows), steps - cooling), np.arange(len(rows))
        for step in range(steps):
            np.add.at(self.spent, [rows[int(k)].member for k in here], 2)
            out = self._each(_gradients, [_Row(rows[int(k)].member, us[k]) for k in here])
            losses, slopes = (np.concatenate(part) for part in zip(*out, strict=True))
            fine = np.isfinite(losses) & np.isfinite(slopes).all(axis=1)
            here, losses, slopes = here[fine], losses[fine], slopes[fine]
            better = losses < least[here]
            best[here[better]], least[here[better]] = us[here[better]], losses[better]
            if cooling and step % PATIENCE == 0:
                stuck = here[least[here] > (1.0 - GAIN) * since[here]]
                cools[stuck], since[here] = np.minimum(cools[stuck], step), least[here]
            on = step < cools[here] + cooling if cooling else np.ones(here.size, bool)
            here, slopes = here[on], slopes[on]
            if not here.size:
                break
            first[here] += 0.1 * (slopes - first[here])
            second[here] += 0.001 * (slopes**2 - second[here])
            moment, power = first[here] / (1.0 - 0.9 ** (step + 1)), second[here] / (1.0 - 0.999 ** (step + 1))
            cold = np.clip((step - cools[here]) / max(cooling, 1), 0.0, 1.0)
            rate = RATE * min(1.0, (step + 1) / WARM) * (LAST + (1.0 - LAST) * 0.5 * (1.0 + np.cos(np.pi * cold)))
            us[here] = np.clip(us[here] - rate[:, None] * moment / (np.sqrt(power) + 1e-8), 0.0, 1.0)
        return best, least


@compiled
def _losses(problems: Problem, us: Float[Array, "k n"]) -> tuple[Float[Array, " k"]]:
    return (jax.vmap(lambda problem, u: problem.loss(u))(problems, us),)


@compiled
def _gradients(problems: Problem, us: Float[Array, "k n"]) -> tuple[Float[Array, " k"], Float[Array, "k n"]]:
    return jax.vmap(lambda problem, u: jax.value_and_grad(problem.loss)(u))(problems, us)
