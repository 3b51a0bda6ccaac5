"""The note and the patch whose wave is that of a recording, where the chain may have made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, inf

import numpy as np
from jaxtyping import Float

from ._block import Block, Values, walk
from ._in_waves import InPhase, InWaves
from ._notes import Notes

MOST = 60  # parameters
SHORTEST_S = 15.0  # what compiling alone may take


def in_phase(
    chain: Block,
    guesses: Sequence[tuple[Notes, Values]],
    audio: Float[np.ndarray, "c t"],
    sr: int,
    frozen: Iterable[str],
    given: bool,
    budget: float = inf,
    seconds: float = inf,
) -> tuple[InPhase | None, int]:
    """Least squares on the wave, from guesses at how one note is played, and the evaluations that took; None where it
    is not found, or would take more than the `budget`, or than so many seconds.

    A wave tells its parameters a thousand times as exactly as a spectrum does, to whom is near: with a pitch that is a
    little off the phase is lost within some periods. So descents begin with what sounds at first and see more and more
    of it, those that leave least; onset and pitch go with the parameters, unless they are `given`. What is random in
    the chain is muted meanwhile.
    """
    if not guesses or not _follows(chain):
        return None, 0
    search = InWaves(chain, guesses, audio, sr, frozen, given)
    if not search.sounds or search.space.size > MOST or search.least > budget or seconds < SHORTEST_S:
        return None, 0
    return search.found(budget, seconds), ceil(search.spent)


def _follows(chain: Block) -> bool:
    """Whether a wave follows from parameters, but for noise that they can take away."""
    return chain.differentiable and all(block.in_phase for block in walk(chain))
