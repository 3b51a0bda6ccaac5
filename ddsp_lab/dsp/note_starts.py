"""When the notes of a line begin, on the host."""

import numpy as np
from jaxtyping import Float

from .onsets import find_onsets
from .pitch_steps import LEAST, steps
from .scene import Scene, runs

NEW, ANEW, LOUDER_DB = 0.1, 4.0, 1.0  # nepers a band; growth; dB: what begins within a tone that goes on
PARTED_DB = 3.0  # a dip between two notes that are equally loud, below all that is about it
SIDE_S = 0.04  # that is compared on each side of it
ONE_S, SHORTEST_S = 0.06, 0.03  # two events of one start; a note
SPEAKS_S = 0.1  # from an attack until its voice is heard
FAINT_DB = 20.0  # below the next: a noise before it, not the first of a note's two beginnings


def mean_db(level: Float[np.ndarray, " n"]) -> float:
    """The level of the mean power."""
    return float(10.0 * np.log10(np.mean(10.0 ** (level / 10.0)))) if level.size else -np.inf


def note_starts(s: Scene) -> list[float]:
    """When notes begin: at what is heard to begin, where a voice sets in, and where a pitch steps."""
    onsets = find_onsets(s.x, s.sr)
    side = round(SIDE_S / s.hop_s)
    found: list[float] = []
    for time, new, growth in zip(*onsets, strict=True):
        at = s.frame(time)
        before, after = slice(max(at - side - 2, 0), max(at - 2, 0)), slice(at + 2, at + side + 2)
        if s.level[at : at + side].max() < s.gate or time > s.x.size / s.sr - SHORTEST_S:
            continue
        sung, sings = (s.voiced[part].sum() > 0.8 * side for part in (before, after))
        if sung and sings and abs(np.median(s.midi[after]) - np.median(s.midi[before])) >= LEAST:
            counts = growth >= ANEW  # where it is not, a step of the pitch may still find it
        elif sung:
            rises = mean_db(s.level[after]) - mean_db(s.level[before])
            around = np.concatenate([s.level[before][:-2], s.level[after]])
            parted = sings and around.min(initial=np.inf) - s.level[max(at - 2, 0) : at + 2].min() >= PARTED_DB
            counts = new >= NEW and growth >= ANEW and (rises >= LOUDER_DB or parted)
        else:
            counts = True
        if counts:
            found.append(float(time))
    voices = []
    for start, end in runs(s.voiced):
        begins = start * s.hop_s
        if not any(-ONE_S < begins - t < SPEAKS_S for t in found):
            voices.append(begins)
        voices += [(start + at) * s.hop_s for at in steps(s.midi[start:end], s.voiced[start:end], s.hop_s)]
    times = [float(t) for t in onsets.time_s]
    for time in voices:
        if all(abs(time - t) > ONE_S for t in found):
            near = [t for t in times if abs(t - time) < ONE_S]  # the voice is heard later than it begins
            found.append(min(near, key=lambda t: abs(t - time)) if near else time)
    found = once(s, sorted(found))
    return found or [int(np.argmax(s.level > s.gate)) * s.hop_s]


def once(s: Scene, starts: list[float]) -> list[float]:
    """Starts at least `ONE_S` apart: of one note's beginnings the first that is not faint beside the next."""
    kept: list[float] = []
    for time in starts:
        if kept and time - kept[-1] < ONE_S:
            a, b, c = (s.frame(t) for t in (kept[-1], time, time + ONE_S))
            if s.level[a : b + 1].max() > s.level[b : c + 1].max() - FAINT_DB:
                continue
            kept.pop()
        kept.append(time)
    return kept
