"""Recordings made ready for a fit: agreed in channels, aligned, cut into windows, a part of each held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from ._block import Block, walk
from ._errors import AudioError
from ._notes import Notes, roomy
from ._problem import Problem
from ._render import as_audio
from ._source import Source, channels, check_takes, passage, stack
from ._space import Space
from ._target import Target, prepared
from .audio import mixdown, resample
from .dsp.alignment import Alignment, align, overlap

HOLD_OUT = 0.15  # of every pair, at its end
DIED_AWAY = 1e-3  # of the energy: what is left after it is no passage to hold out
SHORTEST_S = 3.0  # pairs below this are fitted whole
WINDOW_S, FIT_S = 4.0, 16.0  # a longer fit sees windows of 4 s, 16 s in all
EXCERPT_S, TELLING = 2.5, 0.05  # an excerpt is as long as this and holds that share of its window's energy
ENOUGH_HZ = 14_000  # of a sample rate, for a first look at what a synth does
LEAD_S = 2.0  # of warm-up, which fills the chain's memory, before a window or a held-out part
MIN_SAMPLES = 64


@dataclass(frozen=True)
class Pair:
    """One dry recording and its reference, `(channels, samples)` each, shifted and cut so that they line up.

    `alignment` is how they stood before; `notes` say, by code, what was resolved on the way.
    """

    dry: Source
    reference: np.ndarray
    alignment: Alignment
    notes: tuple[tuple[str, str], ...] = field(default=())

    @property
    def samples(self) -> int:
        return self.reference.shape[1]


NO_ALIGNMENT = Alignment(0.0, 0, 1, 0.0, 0.0)


def prepare_pair(dry: Any, reference: Any, sr: int, chain: Block, aligned: bool = True, strict: bool = False) -> Pair:
    """Check and line up a pair. Under `strict` nothing is resolved: a mismatch raises `AudioError` instead. Notes are
    taken as they are, over as long as the reference."""
    dry = dry if isinstance(dry, Notes) else as_audio(dry, "the dry recording")
    reference = as_audio(reference, "the reference")
    check_takes(chain, dry, sr)
    _check_sound("reference", reference)
    if isinstance(dry, Notes):
        return _played_pair(dry, reference, sr, chain, strict)
    _check_sound("dry recording", dry)
    notes: list[tuple[str, str]] = []
    out = chain.channels_out(dry.shape[0])
    if out != reference.shape[0]:
        text = f"{dry.shape[0]} dry channel(s) become {out}, the reference has {reference.shape[0]}"
        if strict:
            raise AudioError("audio-channels", f"{text}.", "Mix one of them, or leave out --strict.")
        channels = min(dry.shape[0], reference.shape[0])
        dry, reference = mixdown(dry, channels), mixdown(reference, channels)
        notes.append(("audio-channels", f"{text}: both were mixed down to {channels}."))
    alignment = align(dry, reference, sr, delays=_delays(chain)) if aligned else NO_ALIGNMENT
    if alignment.applied_samples:
        notes.append(
            (
                "align-latency",
                (
                    f"The reference is {alignment.latency_samples:.2f} samples late: "
                    f"{alignment.applied_samples} were taken off."
                ),
            )
        )
    if dry.shape[1] != reference.shape[1]:
        text = f"The dry recording has {dry.shape[1]} samples, the reference {reference.shape[1]}"
        if strict:
            raise AudioError("audio-length", f"{text}.", "Cut them to one length, or leave out --strict.")
        notes.append(("audio-length", f"{text}: the overlap was used."))
    dry, reference = overlap(dry, reference, alignment.applied_samples)
    if alignment.polarity < 0 and not chain.inverts:
        reference = -reference
        notes.append(("align-polarity", "The reference is inverted and the chain cannot invert: it was turned round."))
    return Pair(dry, reference, alignment, tuple(notes))


def _played_pair(dry: Notes, reference: np.ndarray, sr: int, chain: Block, strict: bool) -> Pair:
    out, found = chain.channels_out(1), reference.shape[0]
    notes: tuple[tuple[str, str], ...] = ()
    if out != found:
        text = f"The chain gives {out} channel(s), the reference has {found}"
        if strict or out > found:
            raise AudioError("audio-channels", f"{text}.", "Mix one of them, or end the chain with pan.")
        reference, notes = mixdown(reference, out), (("audio-channels", f"{text}: it was mixed down to {out}."),)
    return Pair(dry.window(0.0, reference.shape[1] / sr), reference, NO_ALIGNMENT, notes)


def _check_sound(what: str, x: np.ndarray) -> None:
    if x.shape[1] < MIN_SAMPLES:
        raise AudioError("audio-empty", f"The {what} has {x.shape[1]} samples.", f"At least {MIN_SAMPLES} are needed.")
    if not np.any(x):
        raise AudioError("audio-silent", f"The {what} is silent.", "Check the recording's input and mute.")


def agreeing(pairs: Sequence[Pair], chain: Block, strict: bool = False) -> list[Pair]:
    """The pairs with as many channels as the one with the fewest; under `strict` they have to agree as they are."""
    fewest = min(channels(pair.dry) for pair in pairs)
    most = max(channels(pair.dry) for pair in pairs)
    if fewest == most:
        return list(pairs)
    text = f"The pairs have {fewest} to {most} channels"
    if strict:
        raise AudioError("audio-channels", f"{text}.", "Mix them down, or leave out --strict.")
    note = ("audio-channels", f"{text}: all were mixed down to {fewest}.")
    out = chain.channels_out(fewest)
    return [
        replace(p, dry=mixdown(p.dry, fewest), reference=mixdown(p.reference, out), notes=(*p.notes, note))
        if not isinstance(p.dry, Notes) and p.dry.shape[0] > fewest
        else p
        for p in pairs
    ]


@dataclass(frozen=True)
class Window:
    """Samples `start` to `stop` of a pair, scored, after a warm-up from `start - lead`."""

    pair: int
    start: int
    stop: int


def _delays(chain: Block) -> bool:
    """Whether the chain may be late by itself: by an echo, or by a delay that moves, as a flanger's does, so that no
    one delay is right."""
    links = (link for link in walk(chain) if not link.children)
    return chain.echoes or any(not (link.time_invariant or link.memoryless) for link in links)


def windows(pairs: Sequence[Pair], sr: int) -> tuple[list[Window], list[Window]]:
    """What a fit sees and what is held out.

    Short pairs, single notes, and those whose sound comes at the end, are seen whole. Longer ones share `FIT_S` seconds
    in windows: the loudest of each stretch, so that quiet and loud passages, early and late ones, are all there.
    """
    seen, held = [], []
    for i, pair in enumerate(pairs):
        keep = pair.samples
        until = int((1.0 - HOLD_OUT) * _sounding(pair.reference))
        single = isinstance(pair.dry, Notes) and pair.dry.count == 1  # whose end is all there is to its decay
        long = pair.samples >= SHORTEST_S * sr and not single
        if long and _energy(pair.reference[:, :until]) > _energy(pair.reference[:, until:]):
            keep = until
            held.append(Window(i, keep, pair.samples))
        seen.append(Window(i, 0, keep))
    if sum(w.stop for w in seen) <= FIT_S * sr:
        return seen, held
    size = int(WINDOW_S * sr)
    share = max(1, int(FIT_S / WINDOW_S / len(pairs)))
    return [piece for w in seen for piece in _loudest(pairs[w.pair], w, size, share)], held


def excerpt(pairs: Sequence[Pair], seen: Sequence[Window], sr: int, seconds: float = EXCERPT_S) -> list[Window]:
    """The beginning of the loudest window, where a half of all that is seen is more than that; else nothing."""
    loudest = max(seen, key=lambda w: _energy(pairs[w.pair].reference[:, w.start : w.stop]))
    heard = pairs[loudest.pair].reference[:, loudest.start : loudest.stop]
    size = max(int(seconds * sr), _sounding(heard, TELLING))
    longer = 2 * size <= sum(w.stop - w.start for w in seen)
    return [replace(loudest, stop=loudest.start + size)] if longer else []


def thinning(sr: int) -> int:
    """One sample in how many is enough for a first look."""
    return max(1, sr // ENOUGH_HZ)


def alike_when_thinned(chain: Block, sr: int) -> bool:
    """Whether there is a lower rate to look at, and the chain sounds there as it does here, but for what is above: no
    synth of it folds partials back, and no effect bends waves."""
    links = [link for link in walk(chain) if not link.children]
    return thinning(sr) > 1 and not any(getattr(link, "aliases", not (link.linear or link.is_source)) for link in links)


def thinned(pairs: Sequence[Pair], seen: Sequence[Window], sr: int) -> tuple[list[Pair], list[Window]]:
    """Notes and their references at a rate that is `thinning` times lower: a chain that makes its own sound can be
    looked at there for a fraction of the price."""
    by = thinning(sr)
    lower = [replace(p, reference=resample(p.reference, sr, sr // by)) for p in pairs]
    return lower, [Window(w.pair, w.start // by, min(w.stop // by, lower[w.pair].samples)) for w in seen]


def _energy(x: np.ndarray) -> float:
    return float(np.sum(np.square(x, dtype=np.float64)))


def _sounding(x: np.ndarray, share: float = 1.0 - DIED_AWAY) -> int:
    """How many samples it takes until that share of the energy has passed."""
    energy = np.cumsum(np.square(x, dtype=np.float64).sum(0))
    return int(np.searchsorted(energy, share * energy[-1])) + 1


def _loudest(pair: Pair, whole: Window, size: int, count: int) -> list[Window]:
    if whole.stop <= size * count:
        return [whole]
    energy = np.concatenate([[0.0], np.cumsum(np.square(pair.reference[:, : whole.stop], dtype=np.float64).sum(0))])
    edges = np.linspace(0, whole.stop, count + 1).astype(int)
    found = []
    for first, last in pairwise(edges):
        starts = np.arange(first, max(first + 1, last - size), max(1, size // 16))
        start = int(starts[np.argmax(energy[starts + size] - energy[starts])])
        found.append(Window(whole.pair, start, start + size))
    return found


def joined(pairs: Sequence[Pair], seen: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
    """What a fit sees of recordings, one passage after the other."""
    dry, reference = (
        np.concatenate([getattr(pairs[w.pair], which)[:, w.start : w.stop] for w in seen], axis=1)
        for which in ("dry", "reference")
    )
    return dry, reference


def problem(
    pairs: Sequence[Pair], seen: Sequence[Window], space: Space, target: Target, sr: int, prior: float = 0.0
) -> Problem:
    """The windows as one stacked problem, each padded at the end to the longest."""
    starts = [w.start for w in seen]
    lead = int(LEAD_S * sr) if any(starts) else 0
    longest = max(w.stop - w.start for w in seen)
    if isinstance(pairs[0].dry, Notes):
        longest = roomy(longest)  # one program for many lengths
    source, reference = [], []
    for w in seen:
        source.append(passage(pairs[w.pair].dry, w.start, w.stop, lead, longest, sr))
        wanted = pairs[w.pair].reference[:, w.start : w.stop]
        reference.append(np.pad(wanted, ((0, 0), (0, longest - wanted.shape[1]))))
    length = np.array([w.stop - w.start for w in seen])
    arrays = {
        "source": stack(source),
        "length": length,
        "start_s": np.array([(start - lead) / sr for start in starts]),
        "base": space.base,
        "centre": space.start,
        "prior": np.float64(prior),
    }
    return Problem(
        **jax.device_put(arrays),  # at the default precision, without a program
        features=prepared(target, np.stack(reference), sr, length),
        layout=space.layout,
        target=target,
        sr=sr,
        lead=lead,
    )
