"""Populations of a hundred thousand: what they take in memory, on the disk and in time does not explode."""

import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
from helpers import ROOT, SR, plucks

import ddsp_lab as dl

MEMBERS = ["cma_es", "differential_evolution", "pso", "pygad", "random_search"]  # nevergrad asks for points one by one
LIMIT_MB = 6000
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"  # JAX reserves more than it uses

SEARCH = """
import sys
import numpy as np
from test_populations import search
asked = search(f"{sys.argv[1]}(population=100000, generations=2)", budget=np.inf).asked
assert [len(us) for us in asked[:2]] == [1, 100_000]
"""

LOSSES = """
import json
import numpy as np
import ddsp_lab as dl
from ddsp_lab import _pairs, _problem
from ddsp_lab._pairs import NO_ALIGNMENT, Pair, Window
dl.tune_process()
space = dl.Space(dl.parse("parametric_eq(bands=1) >> gain"))
x = (0.2 * np.random.default_rng(0).standard_normal((1, 16_000))).astype(np.float32)
goal = _pairs.problem([Pair(x, 0.5 * x, NO_ALIGNMENT)], [Window(0, 0, 16_000)], space, dl.targets.Esr(), 16_000)
us = np.random.default_rng(1).uniform(size=(100_000, space.size))
best = [_problem.losses(goal, us[:count], at_once=n).min() for n in (1, 7, 64) for count in (100, 100_000)]
print(json.dumps([float(b) for b in best]))
"""


def ran(code, *arguments):
    """What a script in a process of its own prints; its peak of memory, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{PEAK}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
    )
    assert done.returncode == 0, done.stderr
    *lines, peak_kb = done.stdout.splitlines()
    return lines, int(peak_kb) / 1024


@pytest.mark.nightly
@pytest.mark.parametrize("name", MEMBERS)
def test_a_search_takes_memory_in_proportion_to_its_points(name):
    _, peak_mb = ran(SEARCH, name)
    assert peak_mb < 1000


@pytest.mark.nightly
def test_the_best_of_many_is_the_same_however_many_are_rendered_at_once():
    (line,), peak_mb = ran(LOSSES)
    few, many = np.array(json.loads(line)).reshape(3, 2).T
    np.testing.assert_allclose(few, few[0], rtol=1e-6)
    np.testing.assert_allclose(many, many[0], rtol=1e-6)
    assert peak_mb < LIMIT_MB / 6


@pytest.mark.nightly
def test_the_journal_of_a_large_generation_is_small_and_read_at_once(tmp_path):
    dry = plucks()
    way = {"optimizer": "random_search(population=100000, generations=1)", "folder": tmp_path}
    first = dl.fit("gain", dry, 0.5 * dry, SR, **way)
    assert (tmp_path / "journal.jsonl").stat().st_size < 25 * 100_000
    again = dl.fit("gain", dry, 0.5 * dry, SR, **way)
    assert again.metrics["seconds"] < 0.5 * first.metrics["seconds"]
    assert again.history == first.history
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 < LIMIT_MB
