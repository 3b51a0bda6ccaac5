"""Many short descents, of which the better half goes on, and again: for sounds, whose surfaces have many valleys."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Array
from msgspec import Meta

from .._awake import awake
from .._evaluate import Asked, Evaluate, side_by_side
from .._optimizer import Optimizer, Round
from .._population import generator
from .._space import Layout, Space
from ._genes import Genes

VARIED = 8  # points about each suggestion
NEARBY, REDRAWN = 0.05, 0.2  # how far, and how many of their coordinates are drawn anew
APART = 0.03  # of a range, in some coordinate: nearer starts would go the same way
CHANGE, NUDGE, LEAST = 0.05, 2e-3, 1e-4  # of the loss; of a range: what is tried, and the shortest step
MOST = 96  # jumps of one coordinate in a rung
TOGETHER = 8  # jumps that are tried together, at most


class Descent(NamedTuple):
    u: np.ndarray
    loss: float


@dataclass(frozen=True)
class State:
    layout: Layout
    scouts: np.ndarray
    leading: tuple[Descent, ...] = ()
    rung: int = 0


@dataclass(frozen=True)
class SuccessiveHalving(Optimizer):
    r"""Adam from `starts` points at once, each for `steps`; then the better half of them for twice as long, and again
    until one is left, which takes `last` steps.

    The starts are what its sources guess (`Block.estimate`), and the best of the chain's own start, points about those
    guesses, and `scouts` drawn at random. Between two rungs each that is left has every coordinate drawn anew a few
    times, and takes what pays: a gradient does not lead from one waveform or ratio of frequencies to another. All but
    the last descent look at the sound at a lower rate. Every rung has a cosine schedule of its own.

    References: Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS,
    2016; Kingma, Ba, "Adam: a method for stochastic optimization", ICLR, 2015; Loshchilov, Hutter, "SGDR: stochastic
    gradient descent with warm restarts", ICLR, 2017.
    """

    starts: Annotated[int, Meta(ge=1)] = 8
    scouts: Annotated[int, Meta(ge=0)] = 100
    steps: Annotated[int, Meta(ge=1)] = 25
    last: Annotated[int, Meta(ge=1)] = 250
    jumps: Annotated[int, Meta(ge=0)] = 3
    learning_rate: Annotated[float, Meta(gt=0.0)] = 0.03

    needs_gradient: ClassVar[bool] = True
    handles_settings: ClassVar[bool] = True
    parallel: ClassVar[bool] = True

    def init(self, key: Array, space: Space) -> State:
        drawn = generator(key).random((self.scouts, space.size))
        return State(space.layout, np.concatenate([space.start[None], drawn]))

    def step(self, key: Array, evaluate: Evaluate, state: State) -> Round:
        random, look = generator(key), evaluate.rough or evaluate
        final = state.rung > 0 and len(state.leading) == 1
        if not state.rung:
            leading = self._first(key, random, look, evaluate, state)
        elif final:
            leading, look = [Descent(state.leading[0].u, np.inf)], evaluate
        else:
            leading = [self._jumped(random, look, state.layout, d) for d in state.leading]
        if look is not evaluate:
            evaluate.losses(leading[0].u)  # what stands if the budget ends here
        steps = self.last if final else self.steps << state.rung
        ran = side_by_side(look, [_descended(look, d, steps, self.learning_rate) for d in leading])
        ran = sorted((min(old, new, key=_loss) for old, new in zip(leading, ran, strict=True)), key=_loss)
        kept = tuple(ran[: -(-len(ran) // 2)])
        return Round(replace(state, leading=kept, rung=state.rung + 1), final)

    def _first(
        self, key: Array, random: np.random.Generator, look: Evaluate, evaluate: Evaluate, state: State
    ) -> list[Descent]:
        """The best of all that might be a start, no two of them near each other."""
        start = state.scouts[0]
        guesses = np.array(evaluate.suggested("estimates", start, 0)).reshape(-1, start.size)
        about = np.repeat(guesses, VARIED, axis=0)
        anew = random.random(about.shape) < REDRAWN
        moved = np.where(anew, random.random(about.shape), about + NEARBY * random.standard_normal(about.shape))
        points = np.concatenate([guesses, np.clip(moved, 0.0, 1.0), state.scouts])
        points = Genes.of(state.layout).settled(points)
        losses = look.generation(points) if len(points) > 1 else np.zeros(1)
        chosen: list[int] = []
        # half of the places are the guesses' own: what is nearly right may sound worse than what is wrong altogether
        for i in [*range(min(len(guesses), self.starts // 2)), *np.argsort(losses, kind="stable")]:
            if len(chosen) < self.starts and all(np.abs(points[i] - points[k]).max() > APART for k in chosen):
                chosen.append(int(i))
        u, found, _ = awake(look, points[chosen[:1]], key)
        return [Descent(u[0], float(found[0])), *(Descent(points[i], float(losses[i])) for i in chosen[1:])]

    def _jumped(self, random: np.random.Generator, evaluate: Evaluate, layout: Layout, d: Descent) -> Descent:
        """The best of points at which one coordinate is drawn anew, each `jumps` times, and of those at which all that
        has paid so is taken together, what has paid most first."""
        if not self.jumps:
            return d
        which = np.tile(np.arange(d.u.size), self.jumps)
        which = random.permutation(which)[:MOST]
        singles = np.where(which[:, None] == np.arange(d.u.size), random.random((which.size, 1)), d.u)
        singles = Genes.of(layout).settled(singles)
        losses = evaluate.generation(singles)
        rows, taken = [], d.u
        for i in np.argsort(losses, kind="stable")[:TOGETHER]:
            if losses[i] < d.loss:
                taken = np.where(which[i] == np.arange(d.u.size), singles[i], taken)
                rows.append(taken)
        found = [d, *map(Descent, singles, losses.tolist())]
        if len(rows) > 1:
            found += map(Descent, rows, evaluate.generation(np.stack(rows)).tolist())
        return min(found, key=_loss)


def _descended(evaluate: Evaluate, d: Descent, steps: int, rate: float) -> Generator[Asked, Any, Descent]:
    """The lowest point on the way of Adam in the unit cube, to which it goes half of the way back from where a gradient
    is not finite.

    No step of a parameter is longer than what changes the loss by a twentieth: a ratio of frequencies that is right
    would be lost before its slope could say so."""
    begin, move = _adam(steps)
    parts = _parameters(evaluate.problem.layout)
    losses = yield evaluate.ask_losses(
        np.concatenate([d.u[None], d.u + NUDGE * np.where(d.u < 0.5, 1.0, -1.0) * parts])
    )
    here, changed = losses[0], np.abs(losses[1:] - losses[0])[parts.argmax(axis=0)]
    share = np.where(np.isfinite(changed), np.minimum(CHANGE * here * NUDGE / (changed + 1e-30), rate), LEAST)
    u, best = d.u, Descent(d.u, np.inf)
    moments = begin(u.astype(np.float32))
    for _ in range(steps):
        losses, gradients = yield evaluate.ask_gradients(u, partly=True)
        if losses[0] < best.loss:
            best = Descent(u, float(losses[0]))
        if not (np.isfinite(gradients).all() and np.isfinite(losses[0])):
            u = 0.5 * (u + best.u)
            continue
        change, moments = move(gradients[0].astype(np.float32), moments)
        u = np.clip(u + np.maximum(share, LEAST) * np.asarray(change, np.float64), 0.0, 1.0)
    return best


def _parameters(layout: Layout) -> np.ndarray:
    """Which coordinates belong to each parameter, (parameters, coordinates)."""
    paths = [name.partition("[")[0] for name in layout.names]
    return np.array([[path == one for path in paths] for one in dict.fromkeys(paths)], float)


@lru_cache(maxsize=16)
def _adam(steps: int) -> tuple[Any, Any]:
    import jax
    import optax

    warm = max(1, steps // 20)
    way = optax.adam(optax.warmup_cosine_decay_schedule(0.1, 1.0, warm, max(steps, warm + 1), 0.01))
    return jax.jit(way.init), jax.jit(way.update)


def _loss(d: Descent) -> float:
    return d.loss
