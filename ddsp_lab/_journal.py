"""The journal of a fit: one checksummed line an evaluation, so that a killed run goes on where it stopped."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
import zlib
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import RunError

SYNC_S = 0.5  # a record of one point is lost more cheaply than every one of them is waited for


def _line(record: dict[str, Any]) -> str:
    body = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f'{{"crc":"{zlib.crc32(body.encode()):08x}","record":{body}}}\n'


def _read(line: bytes) -> dict[str, Any] | None:
    """The record of a line, or None where the line is torn or altered."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)["record"]
        return record if _line(record).encode() == line else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


class Journal:
    """Append-only records. Opening one locks it, repairs a torn tail and replays what is intact.

    `repaired` is how many bytes were cut off the tail.
    """

    def __init__(self, path: Path):
        self.path = path
        # unbuffered: a full disk shows at the record that met it, and a kill tears no more than the last one
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - it lives as long as the journal
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise RunError(
                "run-locked", f"Another process is fitting in {path.parent}.", "Wait for it, or name another folder."
            ) from None
        intact, self._held = 0, []
        with open(path, "rb") as lines:
            for line in lines:
                if (record := _read(line)) is None:
                    break
                self._held.append(record)
                intact += len(line)
        self.repaired = os.path.getsize(path) - intact
        if self.repaired:
            self._file.truncate(intact)
        self.length = len(self._held)
        self._synced = time.monotonic()

    def replay(self) -> Iterator[dict[str, Any]]:
        """The records that were there when the journal was opened, in order."""
        held, self._held = self._held, []
        yield from held

    def append(self, record: dict[str, Any], durable: bool = False) -> None:
        """Write a record; a `durable` one survives the power going, others do half a second later."""
        line = _line(record).encode()
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise RunError.unwritable(self.path, error) from None
        self.length += 1
        if durable or time.monotonic() - self._synced > SYNC_S:
            self.sync()

    def sync(self) -> None:
        """Return once every record so far would survive the power going."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunError.unwritable(self.path, error) from None
        self._synced = time.monotonic()

    def clear(self) -> None:
        """Forget every record."""
        self._file.truncate(0)
        self._held, self.length = [], 0

    def close(self) -> None:
        self._file.close()


def pack(a: np.ndarray) -> dict[str, Any]:
    """JSON has no NaN or infinity; null stands for both, as both mean a failed evaluation."""
    return {"shape": list(a.shape), "data": [x if isfinite(x) else None for x in a.ravel().tolist()]}


def unpack(packed: dict[str, Any]) -> np.ndarray:
    return np.asarray([np.nan if x is None else x for x in packed["data"]], np.float64).reshape(packed["shape"])
