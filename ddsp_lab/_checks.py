"""What may be wrong with a pair before it is fitted: stable codes, the likeliest cause of a bad fit first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ._block import Block
from ._damage import Damage

DRY = "dry recording"
CLIPPING = ("clip", "hard_clip", "overdrive", "fuzz", "diode_clipper", "wavefolder", "waveshaper", "bitcrusher")


def _named(*names: str) -> Callable[[Block | Damage], bool]:
    return lambda which: which.name in names


class Check(NamedTuple):
    """What a code says, its remedy, and which link of a chain or known damage does the same, so that it is no fault."""

    says: str
    remedy: str
    explained: Callable[[Block | Damage], bool] = lambda _: False


CHECKS = {
    "check-latency": Check(
        "the delay between the recordings is uncertain (confidence {:.2f})",
        "Listen whether they line up; else give --no-align and a target that needs no alignment.",
    ),
    "check-clipped": Check(
        "{}: {} stretches run flat against one level, as after clipping",
        "Record at a lower level; have a hard_clip in the chain if the device clips, observed_through=clip if not.",
        _named(*CLIPPING),
    ),
    "check-replicate": Check(
        "where the dry recording repeats itself the reference does not: ESR {:.3g}",
        "Switch off what moves by itself in the device, lower the noise, or fit one passage only.",
        lambda which: isinstance(which, Block) and not which.time_invariant,
    ),
    "check-dropout": Check(
        "{}: {} gaps inside the sound, the first at {:.3f} s",
        "Record again, or fit observed_through=mask.",
        _named("mask"),
    ),
    "check-noise": Check(
        "{}: noise that has nothing to do with the other recording, {:.0f} dB below the sound",
        "Record with less noise, or fit observed_through=noise; nothing comes closer than that.",
        _named("noise"),
    ),
    "check-limited": Check(
        "reference: {} of its peaks stand at one ceiling, those of the dry recording do not",
        "Take it before the limiter of the mix, or end the chain with a limiter.",
        _named("limiter"),
    ),
    "check-lossy": Check(
        "{}: nothing above {:.1f} kHz, as lossy encoders leave it",
        "Use the original file, or fit observed_through=lowpass; settings above that cannot be found.",
        _named("lowpass"),
    ),
    "check-rate": Check(
        "{}: nothing above {:.1f} kHz, as after resampling from {} Hz",
        "Use the original file, or resample both to that rate; settings above that cannot be found.",
        _named("lowpass"),
    ),
    "check-click": Check(
        "{}: {} clicks that the other recording does not have, the first at {:.3f} s",
        "Record again, or cut them out of both.",
    ),
    "check-dc": Check("{}: a constant offset of {:.1%} of the sound's level", "Take it off, or have a dc_blocker."),
    "check-level": Check("{}: it peaks at {:.0f} dB", "Record at a higher level."),
    "check-short": Check("there are {:.2f} s of sound", "Record a second or more of varied material."),
}


class Finding(NamedTuple):
    """One thing that may be wrong: its code of `CHECKS`, what was measured, and what to do about it."""

    code: str
    message: str
    remedy: str

    @property
    def note(self) -> tuple[str, str]:
        return self.code, f"{self.message} {self.remedy}"
