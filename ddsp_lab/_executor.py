"""Executors: processes of one thread each, behind the interface of `concurrent.futures`."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from multiprocessing import Pipe
from queue import Empty, SimpleQueue
from reprlib import repr as short
from typing import Any, Self

import cloudpickle
import jax

from ._errors import FitError
from ._process import ONE_THREAD

ATTEMPTS = 3  # workers that may die of a task before it is given up
PATIENCE_S = 5.0  # for a worker to end by itself
ONE_XLA_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class WorkerLost(RuntimeError):  # noqa: N818 - what happened to the task, not in it
    """Every worker that a task was given to has died of it."""


def executor(spec: Executor | str) -> Executor:
    """`serial`, or `local:N` for N processes; an executor is one already."""
    if isinstance(spec, Executor):
        return spec
    kind, _, count = spec.partition(":") if isinstance(spec, str) else ("", "", "")
    if spec == "serial":
        return Local(1)
    if kind == "local" and count.isascii() and count.isdigit() and 1 <= int(count) <= 1024:
        return Local(int(count))
    raise FitError("bad-setting", f"executor={short(spec)}.", "Give 'serial', 'local:4', or an Executor.")


class Local(Executor):
    """`count` processes on this machine's processors, started with their first task.

    A worker that dies takes down only its own task, which a fresh one gets, `ATTEMPTS` in all; then its future raises
    `WorkerLost`. Each has one thread, so that answers do not depend on how many cores there are, and keeps compiled
    programs where this process does. Workers are programs of their own: nothing is forked after JAX has started its
    threads, and a script needs no `if __name__ == "__main__"`. None outlives this process.
    """

    def __init__(self, count: int):
        self._tasks: SimpleQueue[tuple[Future[Any], bytes] | None] = SimpleQueue()
        self._workers: dict[int, _Worker] = {}
        self._open, self._killed = True, False
        self._starting = threading.Lock()
        self._threads = [threading.Thread(target=self._serve, args=(i,), daemon=True) for i in range(count)]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self._open:
            raise RuntimeError("The executor has been shut down.")
        with self._starting:
            for thread in self._threads:
                if thread.ident is None:
                    thread.start()
        future: Future[Any] = Future()
        self._tasks.put((future, cloudpickle.dumps((fn, args, kwargs))))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._open = False
        if cancel_futures:
            self._drain()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join()

    def kill(self) -> None:
        """End every worker at once; what has not been answered is cancelled or lost."""
        self._killed = True
        self._drain()
        for worker in tuple(self._workers.values()):
            worker.process.kill()
        self.shutdown()

    def _drain(self) -> None:
        with suppress(Empty):
            while (task := self._tasks.get_nowait()) is not None:
                task[0].cancel()

    def _serve(self, i: int) -> None:
        while (task := self._tasks.get()) is not None:
            future, said = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._answered(i, said))
                except BaseException as error:
                    future.set_exception(error)
        if worker := self._workers.pop(i, None):
            worker.close()

    def _answered(self, i: int, task: bytes) -> Any:
        for _ in range(ATTEMPTS):
            worker = self._workers.get(i) or self._workers.setdefault(i, _Worker())
            if self._killed:
                break
            try:
                answer = worker.ask(task)
            except (EOFError, OSError):
                self._workers.pop(i).close()
                continue
            done, out = pickle.loads(answer)  # from a process that this one has started, over a line of their own
            if done:
                return out
            raise out
        raise WorkerLost("The worker was ended." if self._killed else f"{ATTEMPTS} workers died of a task.")


class _Worker:
    """A process of `_worker.py`, and the line to it."""

    def __init__(self) -> None:
        self.line, theirs = Pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ddsp_lab._worker", str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what a task prints is no result of this program
            env=_environment(),
            process_group=0,  # Ctrl-C is for this process, which then ends them
        )
        theirs.close()

    def ask(self, task: bytes) -> bytes:
        self.line.send_bytes(task)
        return self.line.recv_bytes()

    def close(self) -> Self:
        self.line.close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self


def _environment() -> dict[str, str]:
    """This process's, with one thread, its precision, its modules, and its folder of compiled programs."""
    config: Any = jax.config
    kept = {"JAX_COMPILATION_CACHE_DIR": config.jax_compilation_cache_dir} if config.jax_compilation_cache_dir else {}
    flags = f"{os.environ.get('XLA_FLAGS', '')} {ONE_XLA_THREAD}".strip()
    return {
        **os.environ,
        **ONE_THREAD,
        "NPROC": "1",
        **kept,
        "XLA_FLAGS": flags,
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": str(int(config.jax_enable_x64)),
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path),
    }
