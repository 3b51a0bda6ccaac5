"""Every error a user can meet: one class per subject, one stable code per cause, always a remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

CODES = {
    "audio-missing": "the file is not there, or is not a file",
    "audio-format": "the bytes are not WAV, FLAC, AIFF or OGG, or do not decode",
    "audio-truncated": "the file ends before its own header says it should, or is damaged",
    "audio-empty": "there are too few samples to do anything with",
    "audio-silent": "every sample is zero where a sound is needed",
    "audio-not-finite": "the audio holds NaN or infinity",
    "audio-shape": "the array is not (samples,) or (channels, samples)",
    "audio-scale": "the samples are whole numbers beyond full scale, which is 1",
    "audio-channels": "channel counts differ where they must agree",
    "audio-rate": "the sample rate is impossible, or two rates differ where they must agree",
    "audio-mixed": "several channels were mixed down to one",
    "audio-length": "two recordings differ in length where they must agree",
    "audio-clips": "samples beyond full scale cannot be stored in this file format",
    "audio-unwritable": "the file cannot be written",
    "hear-silence": "nothing in the recording is loud enough to be a note",
    "hear-pitchless": "nothing in the recording has a pitch where one is needed",
    "hear-unsure": "the pitch of some notes is a guess",
    "match-in-phase": "the very wave of a note was found, and how much of its energy is left beside it",
    "match-chosen": "which family of synths was chosen, and why",
    "notes-empty": "there are no notes, or more than can be played",
    "notes-shape": "what was given are no notes",
    "notes-range": "a note's time, pitch or velocity is out of range",
    "notes-voices": "more notes sound at once than there are voices",
    "notes-nyquist": "a note is higher than this sample rate can carry",
    "notes-midi": "the file is no MIDI file, or is damaged",
    "notes-needed": "a synth was given audio, or an effect notes",
    "target-shape": "two recordings differ in shape where a distance compares them sample by sample",
    "align-latency": "the reference was late, or early, and was lined up",
    "align-polarity": "the reference was inverted, and was turned round",
    "align-ambiguous": "no delay between the two recordings stands out",
    "expression-syntax": "the text of a chain, target or optimizer cannot be read",
    "expression-size": "the text is too long or nested too deeply",
    "unknown-name": "no block, target or optimizer has this name",
    "unknown-setting": "the block, target or optimizer has no such setting or parameter",
    "bad-setting": "a setting has a value of the wrong kind or out of its range",
    "unknown-parameter": "the chain has no parameter at this path",
    "parameter-bounds": "a value lies outside its parameter's bounds, is not finite, or is between whole numbers",
    "parameter-shape": "a value has another shape than its parameter, or a curve steers one that takes none",
    "curve-length": "an automation curve is not as long as the audio",
    "lookahead-length": "a block looks further ahead than the audio goes on",
    "rate-clamped": "a frequency is beyond what this sample rate can carry, and was taken as 0.49 of it",
    "nothing-to-fit": "every parameter of the chain is frozen or tied",
    "preset-json": "the file is not the JSON of a preset",
    "preset-limits": "the preset is larger or deeper than any preset needs to be",
    "preset-field": "the preset has a field that this version does not know, or lacks one",
    "preset-format": "the preset was written by a newer version",
    "preset-unwritable": "the preset cannot be written",
    "dx7-file": "the file is no voice or bank of a DX7, or is damaged",
    "dx7-voice": "a voice of a DX7 is made of fm6 alone, and a bank of up to 32",
    "dx7-left-out": "what a voice of a DX7 has no place for",
    "run-changed": "the run folder belongs to a fit with another configuration",
    "run-locked": "another process is working in the run folder",
    "run-journal": "the journal does not fit the configuration it stands beside",
    "run-unfinished": "the folder does not hold the files of a finished run",
    "run-disk": "the run folder cannot be written to",
    "plugin-missing": "there is no such plugin",
    "plugin-extra": "hosting plugins needs a package that is not installed",
    "plugin-unreadable": "the file is no plugin, or it did not load",
    "plugin-name": "the file holds several plugins, and it was not said which",
    "plugin-instrument": "the plugin is an instrument where an effect is needed",
    "plugin-changed": "the plugin is of another version than the preset's, or its parameters have other names",
    "plugin-unknown": "a preset names a plugin that was never used on this machine",
    "plugin-varies": "the plugin does not repeat itself",
    "host-fault": "a black box raised an error, crashed, hung or filled its memory",
    "host-quarantined": "a black box failed so often in a row that it is not tried again",
    "optimizer-chosen": "which optimizer auto took, and why",
    "fit-needs-gradient": "a gradient optimizer met a block without gradients",
    "fit-needs-residual": "a least-squares optimizer met a target that is no sum of squares",
    "fit-discrete-stays": "a gradient optimizer left the parameters that take whole numbers or choices as they were",
    "fit-single-objective": "a search for a front has one objective only",
    "fit-dead-start": "no parameter changes the loss where the fit starts",
    "fit-diverged": "no evaluated setting gave a finite loss",
    "fit-interrupted": "the fit was stopped from the keyboard; its state is saved",
    "fit-pairs": "dry recordings and references do not come in pairs",
}


class DdspLabError(Exception):
    """Base of every error this package raises on purpose.

    `code` is stable across versions (the keys of `CODES`), `message` names the value and where it stands,
    `remedy` says what to do about it.
    """

    def __init__(self, code: str, message: str, remedy: str):
        if code not in CODES:
            raise KeyError(f"{code!r} is not in CODES")
        super().__init__(f"[{code}] {message} {remedy}")
        self.code, self.message, self.remedy = code, message, remedy

    def __reduce__(self) -> tuple[Any, ...]:
        """A worker sends its errors home."""
        return type(self), (self.code, self.message, self.remedy), self.__dict__


class AudioError(DdspLabError):
    """A recording that cannot be used as it is."""


class NotesError(DdspLabError):
    """Notes that cannot be played."""


class ExpressionError(DdspLabError):
    """A chain, target or optimizer expression that cannot be read."""


class ParameterError(DdspLabError):
    """A parameter path or value that does not exist or does not fit."""


class PresetError(DdspLabError):
    """A preset file that cannot be trusted."""


class RunError(DdspLabError):
    """A run folder that cannot be used. `preset` is the best so far, where a disk filled up during a search."""

    preset: Any = None

    @classmethod
    def unwritable(cls, path: Path, error: Exception) -> RunError:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        kept = "give the same command again: every finished evaluation is kept."
        return cls(
            "run-disk",
            f"{path} cannot be written: {reason}.",
            f"Make room and {kept}" if full else f"Name a folder that can be written to, or free this one and {kept}",
        )


class HostError(DdspLabError):
    """A black box that cannot be loaded, or that failed."""


class FitError(DdspLabError):
    """A fit that cannot start, or cannot give a result."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The remedy for a misspelt name."""
    known = sorted(known)
    near = get_close_matches(name, known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(known)}." if known else "There are none."
