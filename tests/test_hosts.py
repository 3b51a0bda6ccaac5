"""Black boxes: what they do wrong costs a loss, never the process; what they do right is the same as without them."""

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from boxes import SINS, Sinner, doubled, echoed, gives_up, half_dies, knows_jax, own_number, raises
from helpers import SR, plucks

import ddsp_lab as dl
from ddsp_lab._errors import DdspLabError, ExpressionError, HostError

compiler = shutil.which("cc")
needs_compiler = pytest.mark.skipif(compiler is None, reason="no C compiler for the library of sins")
ENDS = {"segfault": "SIGSEGV", "aborts": "SIGABRT", "exits": "exit code 0", "hangs": "no answer", "leaks": "died"}


@pytest.fixture(scope="module")
def sins(tmp_path_factory):
    library = tmp_path_factory.mktemp("sins") / "sins.so"
    source = Path(__file__).with_name("sins.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    block = dl.callable_block(
        Sinner(str(library)), [dl.Param.choice("sin", SINS)], memoryless=True, timeout_s=1.0, memory_mb=1024
    )
    yield block
    block.host.close()


def sinned(block, sin, x=None):
    return dl.render(block, {"sin": SINS.index(sin)}, plucks() if x is None else x, SR)


@needs_compiler
@pytest.mark.parametrize("sin", ENDS)
def test_a_black_box_that_ends_badly_is_an_error_and_the_next_call_is_right(sins, sin):
    with pytest.raises(HostError, match=ENDS[sin]) as caught:
        sinned(sins, sin)
    assert caught.value.code == "host-fault"
    began = time.perf_counter()
    np.testing.assert_array_equal(sinned(sins, "fine"), 0.5 * plucks())
    assert time.perf_counter() - began < 2.0


@needs_compiler
def test_what_corrupts_its_heap_does_not_spoil_the_next_call(sins):
    for _ in range(3):
        with contextlib.suppress(HostError):  # found out now, or later
            sinned(sins, "corrupts")
        np.testing.assert_array_equal(sinned(sins, "fine"), 0.5 * plucks())


@needs_compiler
def test_samples_that_are_no_numbers_are_an_error(sins):
    with pytest.raises(HostError, match="not finite"):
        sinned(sins, "gives_nan")


@needs_compiler
@pytest.mark.nightly
def test_a_hundred_crashes_and_twenty_hangs(sins):
    """Recovery is what is left of a failing call and the next one, beside the time it was given."""
    recoveries, x = {"segfault": [], "hangs": []}, plucks()
    sinned(sins, "fine")
    for sin, count, given in (("segfault", 100, 0.0), ("hangs", 20, 2.0)):
        for _ in range(count):
            time.sleep(0.5)  # in which the spare loads, as it does between two evaluations of a plugin
            began = time.perf_counter()
            with pytest.raises(HostError):
                sinned(sins, sin, x)
            recoveries[sin].append(time.perf_counter() - began - given)
            np.testing.assert_array_equal(sinned(sins, "fine", x), 0.5 * x)
    print({k: (np.median(v), np.max(v)) for k, v in recoveries.items()})
    assert np.median(recoveries["segfault"]) < 0.5
    assert np.median(recoveries["hangs"]) < 0.3


def test_a_black_box_that_never_works_is_given_up_after_three_faults():
    block = dl.callable_block(gives_up, [dl.Param("gain", 0.0, 1.0, 0.5)])
    for _ in range(3):
        with pytest.raises(HostError, match="exit code 3"):
            dl.render(block, {}, plucks(), SR)
    with pytest.raises(HostError) as caught:
        dl.render(block, {}, plucks(), SR)
    assert caught.value.code == "host-quarantined"
    with pytest.raises(HostError, match="host-quarantined"):
        dl.fit(block, plucks(), 0.5 * plucks(), SR, budget=20)


def test_a_search_survives_settings_that_kill():
    block = dl.callable_block(half_dies, [dl.Param("gain", 0.0, 1.0, 0.2)], memoryless=True)
    x = plucks()
    result = dl.fit(block, x, 0.5 * x, SR, "esr", "differential_evolution(population=12, generations=8)")
    assert result.preset.values["gain"] == pytest.approx(0.5, abs=0.01)
    notes = dict(result.notes)
    assert "SIGKILL" in notes["host-fault"]
    assert result.metrics["non_finite"] > 0


def test_an_error_that_it_raises_is_quoted():
    block = dl.callable_block(raises, [dl.Param("gain", 0.0, 1.0, 0.2)])
    with pytest.raises(HostError, match="RuntimeError: too loud"):
        dl.render(block, {"gain": 0.9}, plucks(), SR)


@pytest.mark.parametrize("block", [doubled, echoed])
def test_the_sound_is_that_of_the_function_in_pieces_too(block, monkeypatch):
    x = plucks(seconds=2.0, channels=2)
    monkeypatch.setattr("ddsp_lab._render.PIECE", 4096)
    np.testing.assert_array_equal(dl.render(dl.callable_block(block), {}, x, SR), block(x, SR))


def test_its_process_knows_no_jax_and_is_kept():
    assert dl.render(dl.callable_block(knows_jax), {}, plucks(), SR).max() == 0.0
    block = dl.callable_block(own_number)
    audio, zero = jnp.asarray(plucks()), jnp.zeros((), jnp.int32)
    played = jax.jit(lambda x: block.apply({}, x, dl.Context(SR)))
    numbers = {float(played(audio)[0, 0]) for _ in range(3)}
    assert len(numbers) == 1
    assert numbers != {float(os.getpid())}
    assert zero == 0


def test_parameters_after_a_black_box_have_gradients_and_others_none():
    chain = dl.parse("gain") >> dl.callable_block(doubled, [dl.Param("gain", 0.0, 4.0, 2.0)]) >> dl.parse("gain")
    x = plucks()

    def loss(p):
        return jnp.sum(dl.render(chain, p, x, SR) ** 2)

    p = {"gain": {"gain_db": 3.0}, "doubled": {"gain": 2.0}, "gain_2": {"gain_db": 3.0}}
    p = dict(zip(chain.children, p.values(), strict=True))
    slopes = [float(next(iter(v.values()))) for v in jax.grad(loss)(p).values()]
    assert slopes[:2] == [0.0, 0.0]
    assert slopes[2] == pytest.approx(2.0 * np.log(10.0) / 20.0 * float(loss(p)), rel=1e-4)


def test_gradient_searches_are_refused_with_remedies():
    block = dl.callable_block(doubled, [dl.Param("gain", 0.0, 4.0, 2.0)])
    with pytest.raises(DdspLabError) as caught:
        dl.fit(block, plucks(), plucks(), SR, optimizer="adam")
    assert caught.value.code == "fit-needs-gradient"


def test_no_worker_outlives_a_host_that_is_killed(tmp_path):
    script = tmp_path / "host.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            import numpy as np
            import ddsp_lab as dl
            def hang(x, sr):
                while True: pass
            def number(x, sr):
                return np.full_like(x, float(os.getpid()))
            x = np.ones((1, 100), np.float32)
            one = dl.callable_block(number)
            print(int(dl.render(one, {}, x, 8000)[0, 0]), one.host.workers.spare.popen.pid, flush=True)
            busy = dl.callable_block(hang)
            worker = busy.host.workers.at(-1)
            print(worker.popen.pid, flush=True)
            worker.play(60.0, x, 1, values=[], sr=8000, first=True)
            """
        )
    )
    host = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    numbers = [int(n) for n in (host.stdout.readline() + host.stdout.readline()).split()]
    time.sleep(0.3)
    assert all(_alive(n) for n in numbers if n)
    host.kill()
    host.wait()
    deadline = time.monotonic() + 3.0
    while any(_alive(n) for n in numbers if n) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [n for n in numbers if n and _alive(n)]


def _alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_text_brings_no_code():
    with pytest.raises(ExpressionError, match="unknown-name"):
        dl.parse("callable_block('os.system')")
    block = dl.callable_block(doubled, [dl.Param("gain", 0.0, 4.0, 2.0)])
    assert dl.parse("callable_block('doubled', gain=1)") == block
    for bad in ({"fn": 3}, {"fn": doubled, "params": [3]}, {"fn": doubled, "timeout_s": 0.0}):
        with pytest.raises(ExpressionError, match="bad-setting"):
            dl.callable_block(**bad)
