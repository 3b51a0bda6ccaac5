"""The processes of one black box: which of them plays what."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass

from ._process import Fault, Process

LOAD_S = 200.0  # that loading may take
STREAMS = 4  # streams kept open at once
WHOLE = -1  # the stream of those who play a signal in one piece


@dataclass(frozen=True)
class Opening:
    """What a worker is told when it starts, and what it is allowed."""

    what: str  # its name in messages
    request: str  # JSON
    payload: bytes | None = None
    timeout_s: float = 10.0
    memory_mb: int = 4096


class Workers:
    """A worker for the signals in one piece, one for each of the last few streams, and one warm beside them."""

    def __init__(self, opening: Opening):
        self.opening = opening
        self.streams: OrderedDict[int, tuple[Process, int]] = OrderedDict()
        self.spare: Process | None = None
        self.pid = os.getpid()

    def at(self, stream: int, position: int = 0) -> Process:
        """The worker that stands where the stream does: its own, or for a new stream the spare one."""
        if stream in self.streams:
            worker, at = self.streams[stream]
            self.streams.move_to_end(stream)
            if position in (0, at):
                return worker
        if position:
            raise Fault("its stream was cut off: more streams at once than there are workers", alive=True)
        others = [other for other in self.streams if other != WHOLE]
        if stream != WHOLE and len(others) >= STREAMS:
            worker = self.streams.pop(others[0])[0]
        else:
            worker, self.spare = self.spare or self._start(), None
        self.streams[stream] = worker, 0
        worker.ready(LOAD_S)
        if stream == WHOLE:
            self.spare = self._start()  # loads while this one plays
        return worker

    def moved(self, stream: int, worker: Process, position: int) -> None:
        self.streams[stream] = worker, position

    def drop(self, stream: int) -> None:
        if stream in self.streams:
            self.streams.pop(stream)[0].close()

    def close(self) -> None:
        for stream in tuple(self.streams):
            self.drop(stream)
        if self.spare is not None and self.pid == os.getpid():
            self.spare.close()
        self.spare = None

    def _start(self) -> Process:
        return Process(self.opening.request, self.opening.payload, self.opening.memory_mb)
