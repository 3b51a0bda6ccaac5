"""Generations computed elsewhere: cut into pieces, sent out, and put together in the order they stand in."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from functools import cache, lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cloudpickle
import jax
import numpy as np
from jaxtyping import Float

from ._evaluate import Elsewhere
from ._executor import Local, WorkerLost, executor
from ._problem import Problem

PIECE = 4  # points a task: the same for every executor, so that each loss comes from the same program


class Crew:
    """An executor for the losses of generations; a context, which ends the workers that it has started.

    Two executors whose processes have as many threads give the same losses to the bit, in whatever order tasks are
    finished: `serial` is one worker of the kind that `local:N` has N of. Within this process, on all of its cores,
    sums over long signals are split otherwise, and a loss may differ in its last bits.

    A problem is sent once: as a file in the folder of temporary files, which workers must see. Pieces whose workers
    died of them count as infinite losses, and are reported.
    """

    def __init__(self, given: Executor | str | None):
        self.lost = 0
        self._executor = None if given is None else executor(given)
        self._mine = self._executor is not given
        self._opened = ExitStack()

    def computing(self, problem: Problem) -> Elsewhere | None:
        """What gives the losses of a generation, or their terms; None where there is no executor."""
        if (away := self._executor) is None:
            return None

        @cache
        def path() -> str:
            file = Path(self._opened.enter_context(TemporaryDirectory(prefix="ddsp_lab-"))) / "problem"
            file.write_bytes(cloudpickle.dumps(jax.tree.map(np.asarray, problem)))
            return str(file)

        def computed(ask: Callable[..., np.ndarray], us: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
            pieces = [us[i : i + PIECE] for i in range(0, len(us), PIECE)]
            first = [] if path.cache_info().currsize else [pieces.pop(0)]  # compiles what all others read from the disk
            send = partial(away.submit, _ask, ask, path())
            return np.concatenate([*self._answers(send, first, shape), *self._answers(send, pieces, shape)])

        return computed

    def _answers(
        self, send: Callable[..., Future[np.ndarray]], pieces: list[np.ndarray], shape: tuple[int, ...]
    ) -> list[np.ndarray]:
        sent = [send(us) for us in pieces]
        try:
            return [self._answer(future, (len(us), *shape)) for future, us in zip(sent, pieces, strict=True)]
        except BaseException:
            for future in sent:
                future.cancel()
            raise

    def _answer(self, future: Future[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        try:
            return future.result()
        except WorkerLost:
            self.lost += shape[0]
            return np.full(shape, np.inf)

    @property
    def notes(self) -> list[tuple[str, str]]:
        if not self.lost:
            return []
        return [("worker-lost", f"{self.lost} evaluations ended their workers and count as infinitely bad.")]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if self._mine and isinstance(self._executor, Local):
            (self._executor.kill if error else self._executor.shutdown)()
        self._opened.close()


def _ask(ask: Callable[..., np.ndarray], path: str, us: Float[np.ndarray, "k n"]) -> Float[np.ndarray, "k ..."]:
    """In a worker."""
    return ask(_read(path), us, PIECE)


@lru_cache(maxsize=1)
def _read(path: str) -> Problem:
    """What `Crew` has written into a folder of its own, which no other user can; never a file that somebody gives."""
    return jax.device_put(pickle.loads(Path(path).read_bytes()))
