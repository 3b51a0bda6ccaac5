"""A worker: a process that is sent one task after another, and sends back what came of each."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection

import cloudpickle

from ._process import tune_process

LOOK_S = 0.5  # between two looks at whether the process that sends tasks is still there


def main(line: int, parent: int) -> None:
    """Answer tasks until the line breaks. `line` is a socket that this process was born with."""
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    tune_process()
    with Connection(line) as tasks:
        while True:
            try:
                task = tasks.recv_bytes()
            except (EOFError, OSError):
                return
            tasks.send_bytes(_answer(task))


def _answer(task: bytes) -> bytes:
    """What the task returned or raised, and which of both."""
    try:
        f, args, kwargs = pickle.loads(task)
        return cloudpickle.dumps((True, f(*args, **kwargs)))
    except Exception as error:
        said = traceback.format_exc()
        error.add_note(f"In a worker:\n{said}")
        try:
            answer = cloudpickle.dumps((False, error.with_traceback(None)))
            pickle.loads(answer)  # an error may be one that only its own module can make
        except Exception:
            return cloudpickle.dumps((False, RuntimeError(said)))
        return answer


def _follow(parent: int) -> None:
    """End with the parent, whatever ended it, also in the middle of a task."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
