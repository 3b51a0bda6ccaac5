"""Sound files in and out. The only place that knows about formats and about (samples, channels) order.

Everything else holds audio as float32 `(channels, samples)`. Nothing here resamples, mixes or clips unless asked.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._errors import AudioError
from ._render import as_audio, check_rate
from .dsp.alignment import Alignment, align

__all__ = ["Alignment", "Recording", "align", "load", "loudness", "mixdown", "resample", "save"]

FORMATS = {
    ".wav": ("WAV", "FLOAT"),
    ".flac": ("FLAC", "PCM_24"),
    ".aiff": ("AIFF", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
}
FORMATS[".aif"] = FORMATS[".aiff"]
UNKNOWN_SIZE = (0, 0xFFFFFFFF)  # what a writer that streams leaves in a header


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
        with open(path, "rb") as file:
            kind = _kind(file.read(12))
            size = os.fstat(file.fileno()).st_size
            if kind is None:
                raise AudioError(
                    "audio-format",
                    f"{name} is not a WAV, FLAC, AIFF or OGG file.",
                    "Convert it, for example with ffmpeg.",
                )
            if _cut_short(file, kind, size):
                raise _truncated(name)
            file.seek(0)
            with soundfile.SoundFile(file) as sound:
                frames, sr = sound.frames, check_rate(sound.samplerate)
                data = sound.read(dtype="float32", always_2d=True)
    except FileNotFoundError:
        raise AudioError("audio-missing", f"{name} does not exist.", "Check the path.") from None
    except OSError as error:
        raise AudioError("audio-missing", f"{name} cannot be read: {error.strerror}.", "Check the path.") from None
    except soundfile.LibsndfileError as error:
        if "unexpected" in str(error).lower() or "lost sync" in str(error).lower():
            raise _truncated(name) from None
        raise AudioError("audio-format", f"{name} does not decode: {error}.", "Export the file again.") from None
    if len(data) < frames:
        raise _truncated(name)
    return Recording(as_audio(np.ascontiguousarray(data.T), name), sr, name)


def _truncated(name: str) -> AudioError:
    return AudioError("audio-truncated", f"{name} ends before its header says.", "Copy or download the file again.")


def _kind(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE":
        return "RIFX" if head[:4] == b"RIFX" else "RIFF"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "FORM"
    return {b"fLaC": "FLAC", b"OggS": "OGG"}.get(head[:4])


def _cut_short(file, kind: str, size: int) -> bool:
    """Whether the file is shorter than its header says; libsndfile would hand over what is left in silence."""
    if kind == "FLAC":
        return False  # its decoder notices
    if kind == "OGG":
        return not _ogg_ends(file, size)
    file.seek(4)
    declared = struct.unpack("<I" if kind == "RIFF" else ">I", file.read(4))[0]
    return declared not in UNKNOWN_SIZE and size < declared + 8


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
    import soundfile

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise AudioError(
            "audio-format", f"{path.name} has no known ending.", f"Use one of {', '.join(sorted(FORMATS))}."
        )
    file_format, subtype = FORMATS[path.suffix.lower()]
    x = as_audio(x, str(path))
    peak = float(np.abs(x).max())
    gain = 1.0
    if file_format != "WAV" and peak > FULL_SCALE:
        if clip_mode == "refuse":
            raise AudioError(
                "audio-clips",
                f"{path.name} would clip: the peak is {20 * np.log10(peak):+.2f} dB.",
                "Write a .wav (32-bit float), or use --clip-mode rescale or clamp.",
            )
        gain = FULL_SCALE / peak if clip_mode == "rescale" else 1.0
        x = np.clip(gain * x, -FULL_SCALE, FULL_SCALE)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(partial, "wb") as file:
            soundfile.write(file, x.T, sr, format=file_format, subtype=subtype)
        os.replace(partial, path)
    except (OSError, soundfile.LibsndfileError) as error:
        partial.unlink(missing_ok=True)
        raise AudioError(
            "audio-unwritable", f"{path} cannot be written: {error}.", "Check the folder and the space left."
        ) from None
    return float(20.0 * np.log10(gain))


FULL_SCALE = 1.0 - 2.0**-23  # the largest sample of 24 bits


def resample(x: np.ndarray, sr: int, to: int) -> np.ndarray:
    """`(channels, samples)` at another rate, by soxr at its very high quality."""
    import soxr

    return np.ascontiguousarray(soxr.resample(x.T, sr, to, quality="VHQ").T)


def mixdown(x: np.ndarray, channels: int) -> np.ndarray:
    """`(channels, samples)` with fewer channels: their mean for one, the first ones otherwise."""
    return x.mean(axis=0, keepdims=True) if channels == 1 else x[:channels]


def loudness(x: np.ndarray, sr: int) -> float | None:
    """Integrated loudness in LUFS (ITU-R BS.1770-4); None below 0.4 seconds or at silence."""
    import pyloudnorm

    if x.shape[1] < 0.4 * sr + 1 or x.shape[0] > 5:
        return None
    value = float(pyloudnorm.Meter(sr).integrated_loudness(np.asarray(x.T, np.float64)))
    return value if np.isfinite(value) else None


def blocks(recording: Recording, size: int) -> Iterator[np.ndarray]:
    """The recording in pieces of `size` samples."""
    for start in range(0, recording.samples.shape[1], size):
        yield recording.samples[:, start : start + size]
