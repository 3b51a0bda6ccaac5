"""A black box that cannot take this process with it: watched, restarted, and given up on."""

from __future__ import annotations

import atexit
import threading
from typing import Any

import numpy as np

from .._errors import HostError
from ._process import Fault
from ._workers import LOAD_S, WHOLE, Opening, Workers

GIVEN_UP = 3  # faults in a row
SHORT = 4096  # samples of silence on which a black box is tried


class Host:
    """Plays through worker processes, with a warm spare beside them.

    A call that fails is tried again on a fresh worker; what fails twice gives NaN, which a search counts as an infinite
    loss, and is a fault that `faults` tells of. After three faults in a row the settings that worked last are tried: if
    they fail too, the black box is given up, nothing is tried any more, and the error says so.
    """

    def __init__(self, opening: Opening):
        self.opening = opening
        self.workers = Workers(opening)
        self.lock = threading.RLock()
        self.in_a_row = 0
        self.worked: dict[str, Any] | None = None  # the last request that did
        self.counted: list[HostError] = []
        self.latencies: dict[int, int] = {}

    def ask(self, do: str, timeout_s: float = LOAD_S, **request: Any) -> Any:
        """An answer that is no audio; raises `HostError`."""
        with self.lock:
            again = True
            while True:
                try:
                    return self.workers.at(WHOLE).call(timeout_s, do=do, **request)[do]
                except Fault as fault:
                    if not (again and fault.alive):
                        self.workers.drop(WHOLE)
                    if fault.alive or not again:
                        raise self._error(fault) from None
                again = False

    def latency(self, sr: int) -> int:
        if sr not in self.latencies:
            self.latencies[sr] = int(self.ask("latency", sr=sr))
        return self.latencies[sr]

    def play(self, x: np.ndarray, channels: int, stream: int, position: int, **request: Any) -> np.ndarray:
        """The next piece of a stream, `channels` wide; NaN where that failed."""
        with self.lock:
            if self.in_a_row < GIVEN_UP:
                try:
                    y = self._played(x, channels, stream, position, request)
                except Fault as fault:
                    self._count(fault, channels, stream)
                else:
                    self.in_a_row, self.worked = 0, request
                    if np.isfinite(y).all():
                        return y
                    self.counted.append(self._error(Fault("it gave samples that are not finite")))
                    self.workers.drop(stream)  # they may stay in its memory
            return np.full((channels, x.shape[1]), np.nan, np.float32)

    def _played(self, x: np.ndarray, channels: int, stream: int, position: int, request: dict[str, Any]) -> np.ndarray:
        """The answer of a worker or, at the beginning of a stream, of another; raises `Fault`."""
        again = position == 0  # later, what came before is lost with the worker
        while True:
            try:
                worker = self.workers.at(stream, position)
                y = worker.play(self.opening.timeout_s, x, channels, first=position == 0, **request)
            except Fault:
                self.workers.drop(stream)
                if not again:
                    raise
                again = False
            else:
                self.workers.moved(stream, worker, position + x.shape[1])
                return y

    def _count(self, fault: Fault, channels: int, stream: int) -> None:
        """One fault more; at the third in a row, what worked last decides whether it was the settings."""
        self.counted.append(self._error(fault))
        self.in_a_row += 1
        if self.in_a_row == GIVEN_UP and self.worked is not None:
            try:
                silence = np.zeros((channels, SHORT), np.float32)
                worker = self.workers.at(stream)
                worker.play(self.opening.timeout_s, silence, channels, first=True, **self.worked)
            except Fault:
                self.workers.drop(stream)
            else:
                self.in_a_row = 0

    def faults(self) -> list[HostError]:
        """The faults since this was last asked; one that says that the black box is given up stays."""
        with self.lock:
            told, self.counted = self.counted, []
            if self.in_a_row >= GIVEN_UP:
                told.append(
                    HostError(
                        "host-quarantined",
                        f"{self.opening.what} failed {GIVEN_UP} times in a row and is not tried again.",
                        "Narrow its parameters or freeze them, give it more time or memory, or start a new process.",
                    )
                )
            return told

    def close(self) -> None:
        """End all workers; also a way out of having been given up."""
        with self.lock:
            self.workers.close()
            self.in_a_row, self.counted = 0, []

    def _error(self, fault: Fault) -> HostError:
        return HostError(
            "host-fault", f"{self.opening.what} failed: {fault}.", "Check its settings, or give it more time or memory."
        )


_hosts: dict[Opening, Host] = {}


def host(opening: Opening) -> Host:
    """The host of a black box, one in a process."""
    if opening not in _hosts:
        _hosts[opening] = Host(opening)
    return _hosts[opening]


@atexit.register
def close_all() -> None:
    for one in _hosts.values():
        one.close()
