"""One process with a black box in it, seen from outside."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from .._process import ONE_THREAD

SCRIPT = Path(__file__).with_name("_worker.py")
SHARED_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Fault(Exception):  # noqa: N818 - what becomes of it is decided by the host
    """The black box raised, died or hung; `alive` where its process can be used again."""

    def __init__(self, what: str, alive: bool = False):
        super().__init__(what)
        self.alive = alive


class Process:
    """A worker, started at once; it loads while nobody waits for it.

    Audio goes through a file that has no name, so that nothing is left of it whoever dies. A pipe that is never
    written to tells the worker that its host is gone.
    """

    def __init__(self, opening: str, payload: bytes | None, memory_mb: int):
        here, there = socket.socketpair()
        self.audio = tempfile.TemporaryFile(dir=SHARED_MEMORY)  # noqa: SIM115 - it lives as long as the process
        self.shared: mmap.mmap | None = None
        read, self.lifeline = os.pipe()
        passed = there.fileno(), self.audio.fileno(), read
        self.popen = subprocess.Popen(
            [sys.executable, "-P", SCRIPT, *map(str, passed), str(memory_mb << 20)],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | ONE_THREAD,
            start_new_session=True,  # Ctrl-C is for the host
        )
        os.close(read)
        there.close()
        self.socket = Connection(here.detach())
        self.opened = False
        with contextlib.suppress(OSError):  # dead already: the first call will say so
            self._send({"do": "open", **json.loads(opening)})
            if payload is not None:
                self.socket.send_bytes(payload)

    def call(self, timeout_s: float, **request: Any) -> dict[str, Any]:
        """The answer to a request; raises `Fault`."""
        try:
            self._send(request)
        except OSError:
            raise Fault(self._death()) from None
        return self._answer(timeout_s)

    def ready(self, timeout_s: float) -> None:
        """Wait until the black box is loaded."""
        if not self.opened:
            try:
                self._answer(timeout_s)
            except Fault as fault:
                fault.alive = False
                raise
            self.opened = True

    def play(self, timeout_s: float, x: np.ndarray, channels: int, **request: Any) -> np.ndarray:
        """`x` through the black box, `channels` wide."""
        x = np.ascontiguousarray(x, np.float32)
        size = x.nbytes + 4 * channels * x.shape[1]
        if self.shared is None or len(self.shared) < size:
            self.audio.truncate(size)
            self.shared = mmap.mmap(self.audio.fileno(), size)
        self.shared[: x.nbytes] = x.data.cast("B")
        answer = self.call(timeout_s, do="play", shape=x.shape, **request)
        if answer["shape"] != [channels, x.shape[1]]:
            raise Fault(f"it gave {answer['shape']} for {list(x.shape)}", alive=True)
        y = np.frombuffer(self.shared, np.float32, channels * x.shape[1], offset=x.nbytes)
        return y.reshape(channels, -1).copy()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        self.socket.close()
        self.audio.close()
        with contextlib.suppress(OSError):
            os.close(self.lifeline)
        self.lifeline = -1

    def _send(self, request: dict[str, Any]) -> None:
        self.socket.send_bytes(json.dumps(request).encode())

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        try:
            if not self.socket.poll(timeout_s):
                self.close()
                raise Fault(f"it gave no answer within {timeout_s:g} s")
            answer = json.loads(self.socket.recv_bytes())
        except (EOFError, OSError, ValueError):
            raise Fault(self._death()) from None
        if "error" in answer:
            raise Fault(answer["error"], alive=True)
        return answer

    def _death(self) -> str:
        """How the process ended."""
        try:
            code = self.popen.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            code = None
        self.close()
        if code is None:
            return "it closed its connection"
        return f"it died of {signal.Signals(-code).name}" if code < 0 else f"it ended itself with exit code {code}"
