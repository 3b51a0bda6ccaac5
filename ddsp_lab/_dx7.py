"""Voices of Yamaha's DX7 from and to system-exclusive files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import PresetError
from ._files import write_whole
from ._preset import Preset
from .synths.fm6 import COMMON, KEYS, OPERATORS, Fm6

SINGLE, BANK = b"\xf0\x43\x00\x00\x01\x1b", b"\xf0\x43\x00\x09\x20\x00"
VOICE, PACKED, VOICES = 155, 128, 32  # bytes, and how many a bank has
OPERATOR, PACKED_OPERATOR = 21, 17
RATE = 48_000  # of a preset that knows none
UNHELD = "ams"  # of an operator, which the synth does not have
# an operator's bytes in their order, and how much is added to a value to have its byte
ORDER = {f"{what}_{i}": 0 for what in ("rate", "level") for i in range(1, 5)} | dict.fromkeys((q.name for q in KEYS), 0)
ORDER |= {"rate_scaling": 0, UNHELD: 0, "touch": 0, "output_level": 0, "fixed": 0, "coarse": 0, "fine": 0, "detune": 7}
HIGHEST = {q.name: int(q.high + ORDER[q.name]) for q in (*OPERATORS, *KEYS)} | {UNHELD: 3}
# what follows the operators
PITCH, REST = slice(126, 134), slice(136, 144)
ALGORITHM, FEEDBACK, TRANSPOSE, NAME = 134, 135, 144, slice(145, 155)
LIMITS = np.array([HIGHEST[k] for k in ORDER] * 6 + [99] * 8 + [31, 7, 1, 99, 99, 99, 99, 1, 5, 7, 48] + [127] * 10)
INIT = ([99] * 3 + [99, 99, 99, 99, 0, 39, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7]) * 6 + [99] * 4 + [50] * 4
INIT += [0, 0, 1, 35, 0, 0, 0, 1, 0, 3, 24, *b"INIT VOICE"]
# bytes of the packed form that hold several: where, which of the unpacked, and where their bits begin
SHARED = {11: ((11, 0), (12, 2)), 12: ((13, 0), (20, 3)), 13: ((14, 0), (15, 2)), 15: ((17, 0), (18, 1))}
SHARED_COMMON = {111: ((135, 0), (136, 3)), 116: ((141, 0), (142, 1), (143, 4))}


def read_dx7(path: str | os.PathLike[str]) -> list[Preset]:
    """The voices of a `.syx` file, one or 32, as presets of `fm6`.

    The name, and what `fm6` has no parameters for (pitch envelope, vibrato), stand in a preset under `fit`, so that
    `write_dx7` gives the same bytes again. Raises `PresetError` for what is no such file, or is damaged.
    """
    name = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise _broken(name, f"cannot be read: {getattr(error, 'strerror', error)}") from None
    head, size = (SINGLE, VOICE) if data.startswith(SINGLE) else (BANK, VOICES * PACKED)
    body = np.frombuffer(data[len(head) : -2], np.uint8)
    if not data.startswith(head) or len(data) != len(head) + size + 2 or data[-1] != 0xF7:
        raise _broken(name, f"has {len(data)} bytes and is neither one voice of 163 nor a bank of 4104")
    if _checksum(body) != data[-2]:
        raise _broken(name, "does not agree with its own checksum")
    voices = [body] if head == SINGLE else [_unpacked(part) for part in body.reshape(VOICES, PACKED)]
    return [_preset(voice.astype(int), f"{name}, voice {i}") for i, voice in enumerate(voices, 1)]


def write_dx7(path: str | os.PathLike[str], presets: Preset | Sequence[Preset]) -> list[tuple[str, str]]:
    """Write one preset of `fm6` as a voice, or up to 32 as a bank, the rest of it initial voices.

    Amounts are rounded to whole numbers. Returns notes, as codes and texts, on what a voice has no place for. Raises
    `PresetError` where a preset is of another synth or there are too many.
    """
    alone = isinstance(presets, Preset)
    several = [presets] if isinstance(presets, Preset) else list(presets)
    if not 1 <= len(several) <= VOICES:
        raise PresetError("dx7-voice", f"There are {len(several)} presets.", f"A bank holds 1 to {VOICES}.")
    notes: list[tuple[str, str]] = []
    voices = [_voice(preset, notes) for preset in several]
    if alone:
        head, body = SINGLE, voices[0]
    else:
        voices += [np.array(INIT)] * (VOICES - len(voices))
        head, body = BANK, np.concatenate([_packed(voice) for voice in voices])
    data = head + body.astype(np.uint8).tobytes() + bytes([_checksum(body), 0xF7])
    try:
        write_whole(Path(path), data)
    except OSError as error:
        message = f"{os.fspath(path)} cannot be written: {error.strerror}."
        raise PresetError("preset-unwritable", message, "Check the folder and the space left.") from None
    return notes


def _broken(name: str, what: str) -> PresetError:
    return PresetError("dx7-file", f"{name} {what}.", "Export it again as a .syx file of a DX7.")


def _checksum(body: np.ndarray) -> int:
    return int(-body.astype(int).sum() & 0x7F)


def _shared() -> list[tuple[int, int, int]]:
    """Every byte of the packed form: where it stands, which of the unpacked it holds, and where its bits begin."""
    rows = []
    for i in range(6):
        alone = [(k, k) for k in range(11)] + [(14, 16), (16, 19)]
        parts = [(k, j, bit) for k, held in SHARED.items() for j, bit in held] + [(k, j, 0) for k, j in alone]
        rows += [(PACKED_OPERATOR * i + k, OPERATOR * i + j, bit) for k, j, bit in parts]
    rows += [(102 + k, 126 + k, 0) for k in range(9)] + [(112 + k, 137 + k, 0) for k in range(4)]
    rows += [(k, j, bit) for k, held in SHARED_COMMON.items() for j, bit in held]
    return rows + [(117 + k, 144 + k, 0) for k in range(11)]


def _unpacked(part: np.ndarray) -> np.ndarray:
    voice = np.zeros(VOICE, int)
    for k, j, bit in _shared():
        voice[j] = int(part[k]) >> bit & (1 << int(LIMITS[j]).bit_length()) - 1
    return voice


def _packed(voice: np.ndarray) -> np.ndarray:
    part = np.zeros(PACKED, int)
    for k, j, bit in _shared():
        part[k] |= int(voice[j]) << bit
    return part


def _preset(voice: np.ndarray, name: str) -> Preset:
    for j in np.flatnonzero(voice > LIMITS)[:1]:
        raise _broken(name, f"has {voice[j]} as its byte {j}, which goes to {LIMITS[j]}")
    rows = dict(zip(ORDER, voice[:126].reshape(6, OPERATOR)[::-1].T, strict=True))  # the sixth comes first
    values: dict[str, Any] = {k: (row - ORDER[k]).astype(float).tolist() for k, row in rows.items()}
    unheld = {
        UNHELD: [int(v) for v in values.pop(UNHELD)],
        "pitch_envelope": voice[PITCH].tolist(),
        "rest": voice[REST].tolist(),
    }
    values |= {"feedback": float(voice[FEEDBACK]), "transpose_st": float(voice[TRANSPOSE] - 24)}
    block = Fm6(int(voice[ALGORITHM]) + 1, key_levels=True)
    called = bytes(voice[NAME].tolist()).decode("latin-1")
    return Preset.of(block, values, RATE, fit={"dx7": {"name": called} | unheld})


def _voice(preset: Preset, notes: list[tuple[str, str]]) -> np.ndarray:
    block = preset.block
    if not isinstance(block, Fm6):
        raise PresetError("dx7-voice", f"{preset.chain} is not fm6 alone.", "Give presets of one fm6, without effects.")
    unheld = {UNHELD: INIT[14:15] * 6, "pitch_envelope": INIT[PITCH], "rest": INIT[REST], "name": "DDSP LAB"}
    values: dict[str, Any] = {q.name: [q.default] * 6 for q in KEYS} | preset.values
    voice = np.array(INIT)
    try:
        unheld |= preset.fit.get("dx7", {})
        values[UNHELD] = unheld[UNHELD]
        voice[:126] = np.array([np.rint(values[k]) + ORDER[k] for k in ORDER], int).T[::-1].ravel()
        voice[PITCH], voice[REST] = unheld["pitch_envelope"], unheld["rest"]
        voice[NAME] = list(unheld["name"].encode("latin-1", "replace")[:10].ljust(10))
    except (TypeError, ValueError, AttributeError) as error:
        raise PresetError("preset-field", f"fit.dx7 is damaged: {error}.", "Leave it out.") from None
    voice[ALGORITHM], voice[FEEDBACK] = block.algorithm - 1, round(values["feedback"])
    voice[TRANSPOSE] = round(values["transpose_st"]) + 24
    for q in COMMON[2:]:
        if abs(values[q.name] - float(np.asarray(q.default))) > 1e-6:
            text = f"{q.name}={q.text(values[q.name])} has no place in a voice of a DX7: change the output levels."
            notes.append(("dx7-left-out", text))
    return np.clip(voice, 0, LIMITS)
