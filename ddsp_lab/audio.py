"""Sound files in and out. The only place that knows about formats and about (samples, channels) order.

Everything else holds audio as float32 `(channels, samples)`. Nothing here resamples, mixes or clips unless asked.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import AudioError
from ._files import write_whole
from ._render import as_audio, check_rate
from .dsp.alignment import Alignment, align

__all__ = ["Alignment", "Recording", "align", "encode", "load", "loudness", "mixdown", "resample", "save"]

FORMATS = {
    ".wav": ("WAV", "FLOAT"),
    ".flac": ("FLAC", "PCM_24"),
    ".aiff": ("AIFF", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
}
FORMATS[".aif"] = FORMATS[".aiff"]
UNKNOWN_SIZE = (0, 0xFFFFFFFF)  # what a writer that streams leaves in a header
CLIP_MODES = ("refuse", "rescale", "clamp")
FRAMES = 1 << 16  # read and written at a time: a header may claim any number, and the Vorbis encoder has a small stack
ENDED = ("unexpected", "lost sync", "psf_fseek", "unknown error in flac")  # what libsndfile says at an early end


@dataclass(frozen=True)
class Recording:
    """Samples `(channels, samples)` in float32, and their rate in Hz."""

    samples: np.ndarray
    sr: int
    path: str = ""

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / self.sr


def load(path: str | os.PathLike[str]) -> Recording:
    """Read a WAV, FLAC, AIFF or OGG file, told by its first bytes.

    Raises `AudioError`: `audio-missing`, `audio-format`, `audio-truncated`, `audio-empty`, `audio-not-finite`,
    `audio-rate`.
    """
    import soundfile

    name = os.fspath(path)
    try:
        with open(path, "rb", buffering=0) as file:  # libsndfile shares its position
            kind = _kind(file.read(12))
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise AudioError("audio-empty", f"{name} is an empty file.", "Copy or download the file again.")
            if kind is None:
                raise AudioError(
                    "audio-format",
                    f"{name} is not a WAV, FLAC, AIFF or OGG file.",
                    "Convert it, for example with ffmpeg.",
                )
            if _cut_short(file, kind, size):
                raise _truncated(name)
            file.seek(0)
            with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
                frames, sr = sound.frames, sound.samplerate
                pieces: list[Any] = [np.zeros((0, sound.channels), np.float32)]
                while len(piece := sound.read(FRAMES, dtype="float32", always_2d=True)):
                    pieces.append(piece)
    except FileNotFoundError:
        raise AudioError("audio-missing", f"{name} does not exist.", "Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise AudioError("audio-missing", f"{name!r} cannot be read: {reason}.", "Check the path.") from None
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        if any(words in reason.lower() for words in ENDED):
            raise _truncated(name) from None
        raise AudioError("audio-format", f"{name} does not decode: {reason}.", "Export the file again.") from None
    data = np.concatenate(pieces)
    if len(data) < frames:
        raise _truncated(name)
    try:
        return Recording(as_audio(np.ascontiguousarray(data.T), name), check_rate(sr), name)
    except AudioError as error:
        if name in error.message:
            raise
        raise AudioError(error.code, f"{name}: {error.message}", error.remedy) from None


def _truncated(name: str) -> AudioError:
    return AudioError(
        "audio-truncated", f"{name} ends before its header says, or is damaged.", "Copy or download the file again."
    )


def _kind(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE":
        return "RIFX" if head[:4] == b"RIFX" else "RIFF"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "FORM"
    return {b"fLaC": "FLAC", b"OggS": "OGG"}.get(head[:4])


def _cut_short(file, kind: str, size: int) -> bool:
    """Whether the file is shorter than its header says; libsndfile would hand over what is left in silence."""
    if kind == "FLAC":
        return not _flac_begins(file, size)  # its decoder notices the rest
    if kind == "OGG":
        return not _ogg_ends(file, size)
    file.seek(4)
    declared = struct.unpack("<I" if kind == "RIFF" else ">I", file.read(4))[0]
    return declared not in UNKNOWN_SIZE and size < declared + 8


def _flac_begins(file, size: int) -> bool:
    """Whether the metadata of a FLAC stream are whole."""
    at, last = 4, False
    while not last and at + 4 <= size:
        file.seek(at)
        head = file.read(4)
        at, last = at + 4 + int.from_bytes(head[1:]), bool(head[0] & 0x80)
    return last and at < size


def _ogg_ends(file, size: int) -> bool:
    """Whether the last page of an Ogg stream is whole and carries the end-of-stream flag."""
    start = max(0, size - 65_536)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return False
    segments = tail[at + 26]
    table = tail[at + 27 : at + 27 + segments]
    return bool(tail[at + 5] & 4) and len(table) == segments and len(tail) == at + 27 + segments + sum(table)


def save(path: str | os.PathLike[str], x: np.ndarray, sr: int, clip_mode: str = "refuse") -> float:
    """Write `(channels, samples)`: WAV as 32-bit float, FLAC and AIFF as 24 bits, OGG as Vorbis, by the file's ending.

    Formats other than WAV hold no more than full scale. Beyond it `clip_mode` "refuse" raises, "clamp" cuts off,
    "rescale" turns the whole file down. Returns the gain applied in dB. The file appears whole or not at all.
    """
    path = Path(path)
    data, gain_db = encode(x, sr, path.name, clip_mode)
    try:
        write_whole(path, data)
    except OSError as error:
        raise AudioError(
            "audio-unwritable", f"{path} cannot be written: {error.strerror}.", "Check the folder and the space left."
        ) from None
    return gain_db


def encode(x: np.ndarray, sr: int, name: str, clip_mode: str = "refuse") -> tuple[bytes, float]:
    """What `save` would write into a file of this name, and the gain applied in dB."""
    import soundfile

    ending = Path(name).suffix.lower()
    if ending not in FORMATS:
        raise AudioError("audio-format", f"{name} has no known ending.", f"Use one of {', '.join(sorted(FORMATS))}.")
    if clip_mode not in CLIP_MODES:
        raise AudioError("bad-setting", f"clip_mode={clip_mode!r}.", f"Use one of {', '.join(CLIP_MODES)}.")
    file_format, subtype = FORMATS[ending]
    x, sr = as_audio(x, name), check_rate(sr)
    peak = float(np.abs(x).max())
    gain = 1.0
    if file_format != "WAV" and peak > FULL_SCALE:
        if clip_mode == "refuse":
            raise AudioError(
                "audio-clips",
                f"{name} would clip: the peak is {20 * np.log10(peak):+.2f} dB.",
                "Write a .wav (32-bit float), or use --clip-mode rescale or clamp.",
            )
        gain = FULL_SCALE / peak if clip_mode == "rescale" else 1.0
        x = np.clip(gain * x, -FULL_SCALE, FULL_SCALE)
    file = io.BytesIO()  # in memory, where a full disk cannot come between
    try:
        with soundfile.SoundFile(file, "w", sr, x.shape[0], subtype, format=file_format) as sound:
            for start in range(0, x.shape[1], FRAMES):
                sound.write(x[:, start : start + FRAMES].T)
    except soundfile.LibsndfileError:
        raise AudioError(
            "audio-format", f"{name} cannot hold {x.shape[0]} channel(s) at {sr} Hz.", "Write a .wav, or resample."
        ) from None
    return file.getvalue(), float(20.0 * np.log10(gain))


FULL_SCALE = 1.0  # what integer formats call full scale, though their largest sample is one step below


def resample(x: np.ndarray, sr: int, to: int) -> np.ndarray:
    """`(channels, samples)` at another rate, by soxr at its very high quality."""
    import soxr

    return np.ascontiguousarray(soxr.resample(x.T, sr, to, quality="VHQ").T)


def mixdown(x: np.ndarray, channels: int) -> np.ndarray:
    """`(channels, samples)` with fewer channels: their mean for one, the first ones otherwise."""
    if not 1 <= channels <= x.shape[0]:
        raise AudioError("audio-channels", f"{x.shape[0]} channel(s) cannot become {channels}.", "Ask for fewer.")
    return x.mean(axis=0, keepdims=True) if channels == 1 else x[:channels]


def loudness(x: np.ndarray, sr: int) -> float | None:
    """Integrated loudness in LUFS (ITU-R BS.1770-4); None below 0.4 seconds or at silence."""
    import pyloudnorm

    x = np.atleast_2d(x)
    if x.shape[1] < 0.4 * sr + 1 or x.shape[0] > 5:
        return None
    value = float(pyloudnorm.Meter(sr).integrated_loudness(np.asarray(x.T, np.float64)))
    return value if np.isfinite(value) else None


def blocks(recording: Recording, size: int) -> Iterator[np.ndarray]:
    """The recording in pieces of `size` samples."""
    for start in range(0, recording.samples.shape[1], size):
        yield recording.samples[:, start : start + size]
