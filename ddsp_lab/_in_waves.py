"""Least squares on a wave, of which more and more is seen."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from . import _problem
from ._block import Block, Values, flatten, leaves, nest
from ._evaluate import Evaluate
from ._families import pitched
from ._first_wave import belonging, crossed, laid_over, redrawn, varied
from ._notes import Notes, roomy
from ._nudged import LINK, Nudged, nudged
from ._pairs import MIN_SAMPLES, Window, prepare_pair, problem
from ._problem import Problem
from ._space import Space
from ._target import prepared
from .optimizers.levenberg_marquardt import LevenbergMarquardt
from .targets.esr import Esr

LONGEST_S = 4.0  # of a note, of which more tells nothing else
BEFORE_S, SHORT_S = 0.005, 0.25  # what is looked at before an onset; as much as that is rendered until more is seen
FIRST_S, GROWS = 0.02, 1.5  # of a wave: what is seen at first, and how much more each time
FIRST, BEAM = 36, (12, 12, 12, 10, 8, 6, 5, 4)  # descents at first, and those that go on after each look
LONG_S, FEWEST = 2.0, 2  # from where on a recording is so long that fewer descents go on, but these
STEPS, ABOUT = 10, 4  # of a descent; those about which others are drawn, and those of them that are led down too
SURELY, HOPELESS = 4, 0.6  # after so many looks, no more of the energy than that is left beside what was played so
FOUND, FASTER = 1e-6, 3.0  # what is left of a wave that is found, of which more is seen at once
ALIKE = 1e-3  # of what is left: two descents that went to one place
WAY = LevenbergMarquardt(patience=2, tolerance=1e-9)


class InPhase(NamedTuple):
    """What is played, with which values, and the share of the energy that is left beside it."""

    line: Notes
    values: Values
    left: float


class Descent(NamedTuple):
    guess: int
    u: np.ndarray
    left: float = np.inf
    spent: float = 0.0


class InWaves:
    """One search, in the recording from a little before the note on."""

    def __init__(
        self,
        chain: Block,
        guesses: Sequence[tuple[Notes, Values]],
        audio: Float[np.ndarray, "c t"],
        sr: int,
        frozen: Iterable[str],
        given: bool,
    ):
        self.chain, self.sr = chain, sr
        self.muted = muted(chain)
        known = [q.name for q in Nudged.params] if given else [] if pitched(chain) else ["higher_st"]
        still = [*(f"{LINK}.{path}" for path in (*frozen, *self.muted)), *known]
        self.space = Space(Nudged(chain), still, start={f"{LINK}.{path}": v for path, v in self.muted.items()})
        first = max(0, round((min(float(line.onset_s[0]) for line, _ in guesses) - BEFORE_S) * sr))
        self.begin_s, self.audio = first / sr, audio[:, first : first + round(LONGEST_S * sr)]
        self.guesses = [(line.window(self.begin_s, self.audio.shape[1] / sr), values) for line, values in guesses]
        latest_s = max(float(line.onset_s[0]) for line, _ in self.guesses)
        self.short = min(self.audio.shape[1], round((latest_s + SHORT_S) * sr))
        self.nudges = np.isin(self.space.names, [q.name for q in Nudged.params])
        self.together = belonging(self.space.names)
        self.random = np.random.default_rng(0)
        self.spent = 0.0  # in evaluations of all of the recording

    @property
    def sounds(self) -> bool:
        """Whether there is anything to look at, at first."""
        return self.short >= MIN_SAMPLES and bool(self.audio[:, : self.short].any())

    @property
    def least(self) -> float:
        """The evaluations that a first look takes."""
        return FIRST * STEPS * self.space.size * self.share(FIRST_S)

    def found(self, budget: float, seconds: float) -> InPhase | None:
        """None where nothing is found, or not within so many evaluations and seconds."""
        began = time.perf_counter()
        descents, seen_s, whole_s, look = self._first(), FIRST_S, self.audio.shape[1] / self.sr, 0
        while True:
            descents = self._descended(descents, seen_s)[: self.few(BEAM[min(look, len(BEAM) - 1)], seen_s)]
            lost = look >= SURELY and descents and descents[0].left > HOPELESS
            if not descents or lost or self.spent > budget or time.perf_counter() - began > seconds:
                return None
            if seen_s >= whole_s:
                return self._of(descents[0])
            sure = look >= SURELY and descents[0].left < FOUND
            seen_s = min(whole_s, (FASTER if sure else GROWS) * seen_s)
            descents = descents[:1] if sure else descents + self._beside(descents, seen_s)
            look += 1

    def _first(self) -> list[Descent]:
        """The likeliest guesses, and the best of all that are drawn about them."""
        wanted, short_s = self.audio[:, : self.short].mean(axis=0), self.short / self.sr
        shorter = [(replace(line, length_s=short_s), values) for line, values in self.guesses]
        laid = laid_over(self.chain, shorter, wanted, 1.5 * FIRST_S, self.sr)
        points = [self.space.encode({LINK: self.guesses[one.guess][1], "later_ms": 1e3 * one.later_s}) for one in laid]
        guessed = [Descent(one.guess, u) for one, u in zip(laid, points, strict=True)]
        about = [(one, varied(self.random, one.u, self.nudges)) for one in guessed]
        return guessed[: FIRST // 3] + self._likeliest(about, 2.0 * FIRST_S)[: FIRST - FIRST // 3]

    def _beside(self, descents: list[Descent], seconds: float) -> list[Descent]:
        """The best of what is drawn beside those that leave least."""
        beside = []
        for i, one in enumerate(descents[: self.few(ABOUT, seconds)]):
            others = np.stack([other.u for j, other in enumerate(descents) if j != i] or [one.u])
            beside.append((one, redrawn(self.random, one.u, self.nudges, self.together)))
            beside.append((one, crossed(self.random, one.u, self.nudges, others, self.together)))
        return self._likeliest(beside, seconds)[: self.few(ABOUT, seconds)]

    def _likeliest(self, drawn_about: Iterable[tuple[Descent, np.ndarray]], seconds: float) -> list[Descent]:
        """Points that were drawn about others, those first that leave least of what is seen until then."""
        drawn: list[Descent] = []
        for one, points in drawn_about:
            left = _problem.losses(self.problem(self.guesses[one.guess][0], seconds), points)
            drawn += [Descent(one.guess, *both) for both in zip(points, left.tolist(), strict=True)]
        self.spent += self.share(seconds) * len(drawn)
        return sorted((one for one in drawn if np.isfinite(one.left)), key=_left)

    def _descended(self, descents: list[Descent], seconds: float) -> list[Descent]:
        """Each led further down by what is seen until then; those that came to different places, the best first."""

        def led(one: Descent) -> Descent:
            evaluate = Evaluate(self.problem(self.guesses[one.guess][0], seconds))
            end = WAY.run(evaluate, WAY.start(one.u), STEPS)
            return Descent(one.guess, end.u, end.loss, evaluate.spent)

        ran = [led(one) for one in descents[:1]]  # which compiles
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            ran += threads.map(led, descents[1:])
        self.spent += self.share(seconds) * sum(one.spent for one in ran)
        kept: list[Descent] = []
        for one in sorted(ran, key=_left):
            if np.isfinite(one.left) and all(abs(one.left - other.left) > ALIKE * one.left for other in kept):
                kept.append(one)
        return kept

    def _of(self, best: Descent) -> InPhase:
        (line, guess), found = self.guesses[best.guess], self.space.decode(best.u)
        line = nudged(line, **{q.name: float(found[q.name]) for q in Nudged.params})
        line = replace(line, onset_s=self.begin_s + line.onset_s)
        values = flatten(found[LINK])
        return InPhase(line, nest(values | {path: flatten(guess)[path] for path in self.muted}), best.left)

    def share(self, seconds: float) -> float:
        """How much of the recording is rendered for so much of it."""
        return self.short / self.audio.shape[1] if seconds < SHORT_S else 1.0

    def few(self, most: int, seconds: float) -> int:
        """So many descents, or fewer where each look renders all of a long recording."""
        whole_s = self.audio.shape[1] / self.sr
        return most if seconds < SHORT_S else max(FEWEST, round(most * min(1.0, LONG_S / whole_s)))

    def problem(self, line: Notes, seconds: float) -> Problem:
        """Of the wave until so long after the onset."""
        samples = self.short if seconds < SHORT_S else self.audio.shape[1]
        seen = min(samples, round((float(line.onset_s[0]) + seconds) * self.sr))
        pair = prepare_pair(line, self.audio[:, :samples], self.sr, self.space.chain, aligned=False)
        whole = problem([pair], [Window(0, 0, samples)], self.space, Esr(), self.sr)
        wanted = np.pad(pair.reference[None, :, :seen], ((0, 0), (0, 0), (0, roomy(samples) - seen)))
        length = np.array([seen])
        return replace(whole, features=prepared(Esr(), wanted, self.sr, length), length=jax.device_put(length))


def muted(chain: Block) -> dict[str, float]:
    """The parameters of what is random, where it is silent."""
    return {path: q.low for path, q, owner in leaves(chain) if q.name in owner.noise}


def _left(descent: Descent) -> float:
    return descent.left
