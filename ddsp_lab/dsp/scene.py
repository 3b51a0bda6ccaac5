"""A recording with the tracks that a transcription reads, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from .._errors import AudioError
from . import midi_pitch
from .f0 import F0Track, track_f0
from .frame_view import hop_samples
from .loudness_track import track_loudness

SILENT_DB, DEEP_DB = -90.0, 45.0  # below full scale; below the loudest frame: nothing begins there
GATE_DB, GATED_DB = 6.0, 20.0  # over the faintest frames, but this far below the loudest: where a note has ended
WINDOW_S = 0.02  # of a level
GAP_S = 0.05  # a voice that only falters


class Scene(NamedTuple):
    """A recording and its tracks. `voiced` has the short gaps of a voice filled, with its pitch before them."""

    x: Float[np.ndarray, " t"]
    sr: int
    hop_s: float
    f0: F0Track
    midi: Float[np.ndarray, " n"]
    voiced: Bool[np.ndarray, " n"]
    level: Float[np.ndarray, " n"]
    gate: float  # dB: what is fainter is no note any more

    def frame(self, time_s: float) -> int:
        return min(round(time_s / self.hop_s), len(self.level) - 1)


def runs(flags: Bool[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """Where each row of true flags starts, and where it has ended."""
    edges = np.flatnonzero(np.diff(np.pad(flags.astype(int), 1)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def listen(x: Float[np.ndarray, " t"], sr: int, low_hz: float, high_hz: float) -> Scene:
    """Raises `AudioError`: `hear-silence` where nothing is above -90 dB, `audio-shape`, `audio-not-finite`."""
    if x.ndim != 1 or x.size == 0:
        raise AudioError("audio-shape", f"A line of notes has the shape {x.shape}.", "Give one channel: (samples,).")
    if not np.isfinite(x).all():
        raise AudioError("audio-not-finite", "The line holds NaN or infinite samples.", "Repair or cut the recording.")
    level = track_loudness(x, sr, "none", WINDOW_S)
    loudest = float(level.max())
    if loudest < SILENT_DB:
        raise AudioError(
            "hear-silence",
            f"The loudest moment of the recording is at {loudest:.0f} dB.",
            "Check the recording's input and mute.",
        )
    gate = max(loudest - DEEP_DB, min(float(np.percentile(level, 5)) + GATE_DB, loudest - GATED_DB))
    f0, hop_s = track_f0(x, sr, low_hz, high_hz), hop_samples(sr) / sr
    voiced = f0.voiced & (level > loudest - DEEP_DB)
    midi = midi_pitch.midi(f0.f0_hz)
    for start, end in runs(~voiced):
        if start > 0 and end < len(voiced) and (end - start) * hop_s < GAP_S:
            voiced[start:end] = True
            midi[start:end] = midi[start - 1]
    return Scene(x, sr, hop_s, f0, midi, voiced, level, gate)
