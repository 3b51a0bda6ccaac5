"""How chains may play a recording: the notes that are heard in it, the guesses of their synths, and the very wave."""

from __future__ import annotations

from functools import cache

import numpy as np

from ._block import Block, Values
from ._families import guesses, least, pitched, points, question, synths
from ._heard import Playing, owned, playing, unsure
from ._in_phase import in_phase
from ._in_waves import muted
from ._notes import Notes
from ._problem import Problem
from ._readings import readings
from ._space import Space
from ._target import Target
from .audio import mixdown
from .dsp.transcribe import transcribe

LOUDNESSES = 17  # at which what is random is tried
NEARLY = 1.1  # times the loss of the best guess
AS_HEARD, UNSURE = 0.95, 0.05  # of the loss: by what another reading of the notes, or an unsure one, has to be better


class Listening:
    """One recording, `audio` of shape (channels, samples) at `sr` Hz, and a target. Its notes are heard unless they are
    known, `played`; of a chain stays what is `frozen`. What was found of a chain is kept."""

    def __init__(self, audio: np.ndarray, sr: int, target: Target, played: Notes | None, frozen: tuple[str, ...]):
        self.audio, self.sr, self.target, self.played, self.frozen = audio, sr, target, played, frozen
        self._mono = mixdown(audio, 1)[0]
        self.heard = None if played is not None else transcribe(self._mono, sr)
        self.remarks = [] if self.heard is None else unsure(self.heard)
        self._read, self._guesses, self._loss = cache(self._reads), cache(self._guess), cache(self._least)

    def play(self, chain: Block) -> Playing:
        """How the chain explains the recording best."""
        return self._read(chain)[self._best(chain)]

    def loss(self, chain: Block) -> float:
        """That of the best guess then."""
        return self._loss(chain, self._best(chain))

    def wave(self, chain: Block, budget: float, seconds: float) -> tuple[tuple[Playing, Values, float] | None, int]:
        """How the chain plays the very wave of one note and what is left beside it, where that is nearly as near as
        every guess, of which none is so exact, and the evaluations that were spent on it."""
        alone = [(i, play) for i, play in enumerate(self._read(chain)) if play.line.count == 1]
        still = owned(chain, ("tune_st",) if pitched(chain) else ())  # which the pitch of the note says as well
        frozen = tuple(dict.fromkeys((*self.play(chain).frozen, *still)))
        tried = [(play.line, Space(chain, play.frozen).decode(u)) for i, play in alone for u in self._guesses(chain, i)]
        found, spent = in_phase(chain, tried, self.audio, self.sr, frozen, self.played is not None, budget, seconds)
        if found is None:
            return None, spent
        asked = question(chain, found.line, self.audio, self.sr, self.target, frozen)
        space = Space(chain, frozen)
        u, loss = unmuted(asked, space, found.values)
        if loss >= NEARLY * self.loss(chain):
            return None, spent
        sure = np.maximum(self.play(chain).sure, 1.0 - found.left)
        return (Playing(found.line, sure, frozen), space.decode(u), found.left), spent

    def _best(self, chain: Block) -> int:
        """The reading that the chain explains best."""
        doubts = [1.0 + UNSURE * (1.0 - float(play.sure.min())) for play in self._read(chain)]
        doubts[0] *= AS_HEARD
        return min(range(len(doubts)), key=lambda i: self._loss(chain, i) * doubts[i]) if len(doubts) > 1 else 0

    def _reads(self, chain: Block) -> list[Playing]:
        """How a chain may play the recording, as it is heard first."""
        mono, heard = self._mono, self.heard
        told = [heard] if heard is None or not pitched(chain) else readings(heard, mono, self.sr, synths(chain))
        return [playing(chain, reading, self.played, mono, self.sr, self.frozen) for reading in told]

    def _guess(self, chain: Block, i: int) -> list[np.ndarray]:
        """The points that the sources of the chain guess in that reading."""
        line, _, frozen = self._read(chain)[i]
        return guesses(chain, line, self.audio, self.sr, frozen)

    def _least(self, chain: Block, i: int) -> float:
        """The least loss of the points at which a search may begin in that reading."""
        line, _, frozen = self._read(chain)[i]
        asked = question(chain, line, self.audio, self.sr, self.target, frozen)
        return least(asked, points(Space(chain, frozen), self._guesses(chain, i)))


def unmuted(asked: Problem, space: Space, values: Values) -> tuple[np.ndarray, float]:
    """With as much of what is random as is nearest, one after the other, and the loss there."""
    u = space.encode(values)
    loss = least(asked, u[None])
    for i in np.flatnonzero(np.isin([name.partition("[")[0] for name in space.names], list(muted(space.chain)))):
        tried = np.tile(u, (LOUDNESSES, 1))
        tried[:, i] = np.linspace(0.0, 1.0, LOUDNESSES)
        losses = [least(asked, point[None]) for point in tried]
        if min(losses) < loss:
            u, loss = tried[int(np.argmin(losses))], min(losses)
    return u, loss
