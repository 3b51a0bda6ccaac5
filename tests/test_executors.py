"""Executors: whoever computes a generation, in whatever order and with whatever losses of life, the answer is one."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from abc import ABC
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import SR, plucks, process, wet

import ddsp_lab as dl
from ddsp_lab import Block, Param, audio
from ddsp_lab._errors import DdspLabError, FitError
from ddsp_lab._executor import ATTEMPTS, Local, WorkerLost, executor

CHAIN = "parametric_eq(bands=1)"
DRY = plucks()
REFERENCE = wet(CHAIN, DRY, cutoff_hz=[900.0], gain_db=[9.0], q=[2.0])
SEARCH = {"optimizer": "differential_evolution(population=9)", "budget": 60}


def fitted(given, chain=CHAIN, reference=REFERENCE, **more):
    return dl.fit(chain, DRY, reference, SR, executor=given, **(SEARCH | more))


def outcome(result):
    return result.history, {k: np.asarray(v).tobytes() for k, v in result.preset.flat.items()}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids, within_s):
    ends = time.monotonic() + within_s
    while time.monotonic() < ends and any(map(alive, pids)):
        time.sleep(0.02)
    return not any(map(alive, pids))


def nap(seconds):
    time.sleep(seconds)
    return os.getpid()


def die_once(marker):
    """SIGKILL in the middle of a task, the first time."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def refuse():
    raise FitError("fit-pairs", "No.", "Yes.")


class Shuffled(Executor):
    """Does what it has been given in random order, and says so in that order."""

    def __init__(self):
        self.inner, self.waiting, self.done = Local(1), [], []
        self.stop, self.random = threading.Event(), random.Random(0)
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.append((len(self.done) + len(self.waiting), future, (fn, *args), kwargs))
        return future

    def work(self):
        while not self.stop.wait(0.01):
            while self.waiting:
                order, future, call, kwargs = self.waiting.pop(self.random.randrange(len(self.waiting)))
                future.set_result(self.inner.submit(*call, **kwargs).result())
                self.done.append(order)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.stop.set()
        self.thread.join()
        self.inner.shutdown()


@pytest.fixture(scope="module")
def serial():
    return outcome(fitted("serial"))


@pytest.fixture(scope="module")
def pair():
    with executor("local:2") as two:
        yield two


def test_two_workers_find_what_one_finds(serial, pair):
    assert outcome(fitted(pair)) == serial


def test_the_order_in_which_tasks_are_finished_is_no_matter(serial):
    with Shuffled() as shuffled:
        assert outcome(fitted(shuffled)) == serial
        assert shuffled.done != sorted(shuffled.done)


def test_any_executor_will_do(serial):
    with ThreadPoolExecutor(2) as threads:
        history = fitted(threads).history
    assert [n for n, _ in history] == [n for n, _ in serial[0]]
    np.testing.assert_allclose([loss for _, loss in history], [loss for _, loss in serial[0]], rtol=1e-5)


@pytest.mark.nightly
def test_a_fit_goes_on_with_another_executor(tmp_path, serial):
    fitted("serial", folder=tmp_path)
    data = (tmp_path / "journal.jsonl").read_bytes()
    (tmp_path / "journal.jsonl").write_bytes(data[: len(data) // 2])
    again = fitted("local:2", folder=tmp_path)
    assert again.metrics["replayed"] > 1
    assert outcome(again) == serial
    assert (tmp_path / "journal.jsonl").read_bytes() == data


def test_searches_with_gradients_start_no_workers():
    before = threading.active_count()
    result = dl.fit("gain", DRY, 0.5 * DRY, SR, optimizer="levenberg_marquardt", executor="local:2")
    assert threading.active_count() == before
    assert result.metrics["loss"] < 1e-7


@pytest.mark.parametrize(
    "spec", ["", "local", "local:", "local:0", "local:-1", "local:x", "local:²", "dask:4", 2, b"x"]
)
def test_what_is_no_executor_is_refused(tmp_path, spec):
    with pytest.raises(DdspLabError, match="local:4") as caught:
        fitted(spec, folder=tmp_path / "run")
    assert caught.value.code == "bad-setting"
    assert not (tmp_path / "run").exists()


# --- tasks


def test_tasks_run_elsewhere_and_at_once(pair):
    pids = {future.result() for future in [pair.submit(nap, 0.3) for _ in range(4)]}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_code_that_has_no_module_is_sent_along(pair):
    base = 40
    assert pair.submit(lambda more: base + more, more=2).result() == 42


def test_what_a_task_raises_comes_home(pair):
    error = pair.submit(refuse).exception()
    assert isinstance(error, FitError)
    assert (error.code, error.remedy) == ("fit-pairs", "Yes.")
    assert "in refuse" in "".join(error.__notes__)

    class OddError(ValueError):
        def __init__(self, a, b):
            super().__init__(a)

    def odd():
        raise OddError(1, 2)

    assert "OddError: 1" in str(pair.submit(odd).exception())
    assert pair.submit(nap, 0.0).result() in {pair.submit(nap, 0.0).result() for _ in range(2)} | {*pids(pair)}


def pids(local):
    return [worker.process.pid for worker in local._workers.values()]


def test_a_task_whose_worker_is_killed_is_done_by_another(pair, tmp_path):
    bystander, victim = pair.submit(nap, 1.0), pair.submit(die_once, str(tmp_path / "marker"))
    assert victim.result() == "alive"
    assert bystander.result() > 0


def test_a_task_of_which_every_worker_dies_is_given_up_and_the_others_are_not(pair):
    bad, good = pair.submit(die), [pair.submit(nap, 0.0) for _ in range(3)]
    assert isinstance(bad.exception(), WorkerLost)
    assert str(ATTEMPTS) in str(bad.exception())
    assert all(future.result() for future in good)


def test_an_executor_that_is_shut_down_takes_no_more():
    local = Local(2)
    running = [local.submit(nap, 0.2), local.submit(nap, 0.2)]
    late = [local.submit(nap, 0.0) for _ in range(3)]
    while not all(future.running() for future in running):
        time.sleep(0.01)
    local.shutdown(cancel_futures=True)
    assert all(future.result() for future in running)
    assert all(future.cancelled() for future in late)
    assert gone([future.result() for future in running], 0.0)
    with pytest.raises(RuntimeError, match="shut down"):
        local.submit(nap, 0.0)


# --- fits whose workers die

HERE = os.getpid()


@dataclass(frozen=True)
class Deadly(Block, ABC):  # ABC keeps it out of the registry
    """A gain that ends its process above 15 dB, unless that is the one of the tests."""

    name = "deadly"
    params = (Param("gain_db", -20.0, 20.0, default=0.0),)
    differentiable = False
    parent: int = HERE

    def apply(self, p, x, ctx):
        def checked(gain_db):
            if gain_db > 15.0 and os.getpid() != self.parent:
                die()
            return np.float32(10.0 ** (gain_db / 20.0))

        return x * jax.pure_callback(checked, jax.ShapeDtypeStruct((), np.float32), p["gain_db"])


@pytest.mark.nightly
def test_settings_of_which_workers_die_are_infinitely_bad_and_the_search_goes_on():
    result = fitted("local:2", Deadly(), 0.5 * DRY, optimizer="random_search(population=12)", budget=13)
    notes = dict(result.notes)
    assert result.metrics["evaluations"] == 13
    assert result.metrics["non_finite"] == int(notes["worker-lost"].split()[0]) > 0
    assert result.metrics["non_finite"] % 4 == 0
    assert result.metrics["loss"] < result.metrics["loss_start"]
    assert result.preset.flat["gain_db"] < 15.0


# --- what remains

SCRIPT = """
import sys
import numpy as np
import ddsp_lab as dl
print("began", flush=True)
x = (0.1 * np.random.default_rng(0).standard_normal(8000)).astype(np.float32)
result = dl.fit("gain", x, 0.5 * x, 8000, optimizer="random_search(population=20)", budget=100, executor="local:2")
print(len(result.history), flush=True)
"""


@pytest.mark.nightly
def test_a_script_needs_no_guard(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    ran = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first == "began"
    assert int(second) > 1


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] + [
        int(p) for task in Path(f"/proc/{pid}/task").iterdir() for p in (task / "children").read_text().split()
    ]


ENDLESS = ("--optimizer", "random_search(population=64, generations=1000000)", "--executor", "local:2")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells who is whose child")
@pytest.mark.parametrize(
    "ended_by",
    [signal.SIGKILL, *(pytest.param(s, marks=pytest.mark.nightly) for s in (signal.SIGINT, signal.SIGTERM))],
)
def test_no_worker_outlives_a_fit(tmp_path, ended_by):
    audio.save(tmp_path / "dry.wav", DRY, SR)
    audio.save(tmp_path / "wet.wav", REFERENCE, SR)
    running = process("fit", "dry.wav", "wet.wav", "--chain", CHAIN, "-o", "run", *ENDLESS, cwd=tmp_path)
    journal = tmp_path / "run" / "journal.jsonl"
    while running.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < 4):
        time.sleep(0.01)
    workers = set(children(running.pid))
    assert len(workers) == 2
    running.send_signal(ended_by)
    _, err = running.communicate(timeout=60)
    assert running.returncode == (130 if ended_by == signal.SIGINT else -ended_by), err
    assert gone(workers, 3.0)
    assert "Traceback" not in err
    if ended_by == signal.SIGINT:
        assert "fit-interrupted" in err
        assert (tmp_path / "run" / "preset.json").exists()
