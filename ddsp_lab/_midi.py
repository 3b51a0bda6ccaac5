"""Notes from and to standard MIDI files."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import NotesError
from ._files import write_whole
from ._notes import Notes, notes

MAX_BYTES = 16 << 20
TICKS, TEMPO = 9600, 500_000  # ticks a beat and microseconds a beat: 52 us a tick
BEND_ST, BEND_STEPS = 2.0, 8192  # what a bend reaches each way, unless a file says so
DRUMS = 9  # the channel on which pitches are instruments
CHANNELS = [channel for channel in range(16) if channel != DRUMS]


def read_midi(path: str | os.PathLike[str], length_s: float | None = None) -> Notes:
    """The notes of all tracks and channels of a `.mid` file; `length_s` of audio, a second after the last if None.

    A pitch bend, of 2 semitones each way, counts where a note begins. Pedals, programs and other controllers are not
    notes and are left out. A note that never ends ends with the file. Raises `NotesError`.
    """
    import mido

    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
        messages = list(mido.MidiFile(file=io.BytesIO(data)))
    except Exception as error:  # a parser of bytes that anybody may have written raises whatever it likes
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NotesError(
            "notes-midi", f"{os.fspath(path)!r} is no MIDI file: {reason}.", "Export it again as a standard MIDI file."
        ) from None
    now, bends, sounding, rows = 0.0, dict.fromkeys(range(16), 0.0), {}, []

    def end(key: tuple[int, int]) -> None:
        for begun, pitch, velocity in sounding.pop(key, ()):
            if now > begun:
                rows.append((begun, now - begun, pitch, velocity))

    for message in messages:
        now += message.time
        if message.type == "pitchwheel":
            bends[message.channel] = BEND_ST * message.pitch / BEND_STEPS
        elif message.type == "note_on" and message.velocity > 0:
            pitch = message.note + bends[message.channel]
            sounding.setdefault((message.channel, message.note), []).append((now, pitch, message.velocity / 127.0))
        elif message.type in ("note_on", "note_off"):
            end((message.channel, message.note))
    for key in tuple(sounding):
        end(key)
    return notes(rows, length_s)


def write_midi(path: str | os.PathLike[str], played: Notes) -> None:
    """Write notes as a `.mid` file: times to 0.05 ms, velocities in 127 steps, fractions of a semitone as pitch bends,
    for which notes take turns on 15 channels."""
    import mido

    arrays = (np.asarray(v, np.float64) for v in (played.onset_s, played.duration_s, played.pitch, played.velocity))
    events = []
    for i, (onset, duration, pitch, velocity) in enumerate(zip(*arrays, strict=True)):
        if velocity <= 0.0:
            continue
        channel, number = CHANNELS[i % len(CHANNELS)], int(np.clip(round(pitch), 0, 127))
        bend = int(np.clip(round((pitch - number) / BEND_ST * BEND_STEPS), -BEND_STEPS, BEND_STEPS - 1))
        said: Any = {"channel": channel, "note": number}
        events.append((onset, 1, mido.Message("pitchwheel", channel=channel, pitch=bend)))
        events.append((onset, 2, mido.Message("note_on", **said, velocity=int(np.clip(round(127 * velocity), 1, 127)))))
        events.append((onset + duration, 0, mido.Message("note_off", **said)))
    track, before = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO)]), 0
    for seconds, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(seconds * 1e6 / TEMPO * TICKS)
        track.append(message.copy(time=tick - before))
        before = tick
    file = mido.MidiFile(ticks_per_beat=TICKS)
    file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    try:
        write_whole(Path(path), data.getvalue())
    except OSError as error:
        raise NotesError(
            "notes-midi", f"{os.fspath(path)!r} cannot be written: {error.strerror}.", "Check the folder."
        ) from None
