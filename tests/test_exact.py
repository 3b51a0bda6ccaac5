"""The polish in float64 at the end of a fit of a chain with sums."""

import json

import numpy as np
from helpers import SR, plucks, wet

import ddsp_lab as dl
from ddsp_lab._evaluate import Evaluate
from ddsp_lab._exact import Exact
from ddsp_lab._pairs import prepare_pair, problem, windows
from ddsp_lab.targets import Esr

CHAIN = "0.8*low_shelf(gain_db=6) - 0.4*soft_clip"


def test_float64_gives_the_same_answers_but_for_rounding_and_leaves_the_precision_alone():
    x = plucks()
    space = dl.Space(dl.parse(CHAIN))
    pairs = [prepare_pair(x, wet(CHAIN, x), SR, space.chain, aligned=False)]
    evaluate = Evaluate(problem(pairs, windows(pairs, SR)[0], space, Esr(), SR))
    exact, u = Exact(evaluate), space.start + np.linspace(-0.05, 0.05, space.size)
    np.testing.assert_allclose(exact.losses(u), evaluate.losses(u), rtol=1e-4)
    ours, theirs = exact.gauss_newton(u), evaluate.gauss_newton(u)
    np.testing.assert_allclose(ours.gradient, theirs.gradient, atol=1e-4 * np.abs(theirs.gradient).max())
    assert exact.losses(space.start)[0] < 1e-12
    assert evaluate.evaluations == 2 * (2 + space.size) + 1
    assert np.asarray(dl.render(dl.parse(CHAIN), {}, x, SR)).dtype == np.float32


def test_a_fit_that_ends_in_float64_resumes_to_the_same_preset(tmp_path):
    x = plucks(seed=5)
    reference = wet(CHAIN, x)
    start = {"low_shelf.gain_db": 3.0, "weights.low_shelf": 0.5}
    fits = [dl.fit(CHAIN, x, reference, SR, start=start, folder=tmp_path) for _ in range(2)]
    calls = [json.loads(line)["record"]["call"] for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert any(call.startswith("exact ") for call in calls)
    assert fits[1].metrics["replayed"] > 0
    assert fits[0].preset.values == fits[1].preset.values
    assert fits[0].metrics["loss"] < 1e-11
