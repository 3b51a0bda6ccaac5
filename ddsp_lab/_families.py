"""What `match` tries where no synth is named, and how it searches each kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from . import _problem
from ._block import Block, Context, walk
from ._choice import AUTO
from ._errors import NotesError
from ._notes import Notes
from ._pairs import Window, prepare_pair, problem
from ._parse import parse
from ._problem import Problem
from ._sources import Sources
from ._space import Space
from ._synth import Synth
from ._target import Target
from .dsp.transcribe import Heard
from .effects.hiss import Hiss

PITCHED = (
    *("subtractive", "additive", "fm", "plucked_string"),
    "0.5 * additive(partials=160, shaped=24, knots=6) + 0.5 * filtered_noise(bands=24)",
)
STRUCK = (
    *("kick", "tom", "snare", "hihat", "clap", "modal", "filtered_noise", "filtered_noise(bands=24, knots=24)"),
    "0.5 * modal(modes=6) + 0.5 * filtered_noise",
)
TONAL = 0.2  # confidence in some pitch, with which families that have one are tried
AUDIBLE_DB = -110.0  # of noise, in a band: below the rounding of 16 bits there is no recorder
PAYS = 0.003  # of the loss: what another parameter has to take off it
SCOUTS = 32  # random points, where a family guesses nothing

WIDE = 100  # coordinates from which the guess of a source is better than any other start

# of searches: a short one, by which families are compared, and the one that goes on from there
SHORT, LONG = "successive_halving(starts=3, scouts=32, steps=20, last=40, jumps=1)", "successive_halving"
SHORT_STRUCK = "successive_halving(starts=2, scouts=0, steps=20, last=40, jumps=1)"
LONG_STRUCK = "successive_halving(starts=6, scouts=48, steps=25, last=200, jumps=1)"
SHORT_WIDE = "successive_halving(starts=1, scouts=0, steps=40, last=60, jumps=0)"
LONG_WIDE = "successive_halving(starts=1, scouts=0, steps=40, last=200, jumps=0)"
POLISH = "successive_halving(starts=1, scouts=0, steps=10, last=60, jumps=0)"  # where the wave was found
NEAR = "successive_halving(starts=3, scouts=32, steps=20, last=150, jumps=1)"  # where it was, but for what is random


def synths(chain: Block) -> list[Synth]:
    return [block for block in walk(chain) if isinstance(block, Synth)]


def rings(chain: Block) -> bool:
    """Whether all that sounds in it dies away by itself."""
    return all(synth.rings for synth in synths(chain))


def pitched(chain: Block) -> bool:
    """Whether something in it sounds at the pitch of its notes."""
    return any(synth.pitched for synth in synths(chain))


def named(synth: Block | str) -> Block | None:
    """The chain that is to play, None for `auto`; raises `NotesError` for one that takes no notes."""
    chain = None if synth == AUTO else parse(synth)
    if chain is not None and chain.takes != "notes":
        raise NotesError("notes-needed", f"{synth} takes no notes.", "Begin it with a synth: subtractive >> chorus.")
    return chain


def families(heard: Heard | None, audio: np.ndarray, sr: int) -> list[Block]:
    """The chains that may have made a recording: all, where its notes are given or one of them has a pitch, or what is
    struck; with `hiss` where there is noise under it."""
    tonal = heard is None or bool(heard.confidence.max() >= TONAL)
    names = (*PITCHED, *STRUCK) if tonal else STRUCK
    noise = Hiss().estimate(np.zeros_like(audio), audio, Context(sr))
    hissing = bool(noise) and np.max(noise[0]["gain_db"]) > AUDIBLE_DB
    return [parse(f"({name}) >> hiss" if hissing else name) for name in names]


def ways(chain: Block, frozen: Iterable[str]) -> tuple[str, str]:
    """How a chain is searched shortly, and at length."""
    if Space(chain, frozen).size > WIDE:
        return SHORT_WIDE, LONG_WIDE
    return (SHORT_STRUCK, LONG_STRUCK) if rings(chain) else (SHORT, LONG)


def price(chain: Block, frozen: Iterable[str]) -> float:
    """By what the loss of a family is multiplied before it is compared with another's: a row of numbers, which are
    drawn as one curve, counts as one."""
    return (1.0 + PAYS) ** len({name.partition("[")[0] for name in Space(chain, frozen).names})


def guesses(chain: Block, played: Notes, audio: np.ndarray, sr: int, frozen: Iterable[str]) -> list[np.ndarray]:
    """The points that the sources of a chain guess from a recording."""
    space = Space(chain, frozen)
    reference = prepare_pair(played, audio, sr, chain, aligned=False).reference
    return Sources(space, played, reference, sr).estimates(space.start, 0)


def points(space: Space, guessed: Sequence[np.ndarray]) -> np.ndarray:
    """Points to begin at: where the chain begins and what is guessed, or random ones where nothing is."""
    others = guessed or list(np.random.default_rng(0).random((SCOUTS, space.size)))
    return np.stack([space.start, *others])


def question(chain: Block, played: Notes, audio: np.ndarray, sr: int, target: Target, frozen: Iterable[str]) -> Problem:
    """The problem of a recording and a chain."""
    pair = prepare_pair(played, audio, sr, chain, aligned=False)
    return problem([pair], [Window(0, 0, pair.samples)], Space(chain, frozen), target, sr)


def least(problem: Problem, us: np.ndarray) -> float:
    """The least loss of some points."""
    losses = _problem.losses(problem, us)
    return float(np.min(np.where(np.isfinite(losses), losses, np.inf)))
