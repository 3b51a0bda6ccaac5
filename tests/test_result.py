"""What a fit hands back: figures that say what it is worth, and a curve. Its page is in test_report.py."""

import numpy as np
import pytest
from helpers import SR, plucks, strict_json, wet

import ddsp_lab as dl
from ddsp_lab import FitResult, Preset

DRY = plucks()


def at(chain, reference, **keywords):
    """A fit that stays at its start, for figures about that point."""
    return dl.fit(chain, DRY, reference, SR, budget=1, **keywords)


def test_what_stands_at_a_bound_is_named():
    assert dl.fit("gain", DRY, 30.0 * DRY, SR).metrics["at_bound"] == ["gain_db"]
    m = at("parametric_eq(bands=2, q=[0.1, 1], gain_db=[3, -20])", DRY).metrics
    assert m["at_bound"] == ["gain_db[1]", "q[0]"]


def test_what_is_frozen_is_at_no_bound():
    assert at("0.5 * gain(gain_db=24)", DRY, frozen=["gain"]).metrics["at_bound"] == []


def test_what_hardly_matters_is_named():
    # without echoes neither their time nor their feedback is heard
    assert at("delay(mix=0, feedback=0.5)", DRY).metrics["insensitive"] == ["time_ms", "feedback"]
    # two knobs that do the same, both heard; a flat band's frequency and width are not
    m = at("parametric_eq(bands=1) >> gain", DRY).metrics
    assert m["insensitive"] == ["parametric_eq.cutoff_hz[0]", "parametric_eq.q[0]"]


def test_what_is_heard_beside_an_error_that_stays_does_matter():
    noise = 0.1 * plucks(seed=3)
    assert dl.fit("gain", DRY, 0.5 * DRY + noise, SR).metrics["insensitive"] == []


@pytest.fixture(scope="module")
def result():
    reference = wet("parametric_eq(bands=1)", DRY, cutoff_hz=[900.0], gain_db=[9.0], q=[2.0])
    return dl.fit("parametric_eq(bands=1)", DRY, reference, SR)


def test_the_history_goes_down_to_the_loss(result):
    evaluations, losses = zip(*result.history, strict=True)
    assert list(evaluations) == sorted(set(evaluations))
    assert list(losses) == sorted(losses, reverse=True)
    assert (evaluations[0], losses[0]) == (1, pytest.approx(result.metrics["loss_start"], rel=1e-4))
    assert evaluations[-1] <= result.metrics["evaluations"]
    assert losses[-1] == pytest.approx(result.metrics["loss"], abs=1e-9)


def test_the_result_plays_what_its_preset_plays(result):
    x = plucks(seed=5)
    np.testing.assert_array_equal(result.render(x, SR), result.preset.render(x, SR))
    np.testing.assert_array_equal(result.sounds["fit"], result.render(DRY, SR))
    np.testing.assert_array_equal(result.sounds["dry"], DRY)
    assert result.values == result.preset.values


def test_the_preset_says_how_it_was_found(result):
    about = strict_json(result.preset.text())["fit"]
    assert about["target"] == "esr"
    assert about["optimizer"] == "alternating"
    assert about["version"] == dl.__version__
    for key in ("loss_start", "loss", "esr", "esr_aligned", "mrstft", "seed", "evaluations", "seconds", "at_bound"):
        assert about[key] == result.metrics[key]
    assert result.preset.sample_rate == SR


def test_every_free_parameter_has_a_sensitivity(result):
    assert result.sensitivity.keys() == {"cutoff_hz[0]", "gain_db[0]", "q[0]"}
    assert all(change > 0.0 for change in result.sensitivity.values())


def test_the_terms_of_a_loss_add_up_to_it():
    r = dl.fit("gain", DRY, 0.5 * DRY, SR, "esr + 0.1 * mae", "adam(steps=5, starts=1)", prior=0.01)
    assert r.terms.keys() == {"esr", "mae", "prior"}
    terms = [dict(points) for points in r.terms.values()]
    for count, loss in r.history:
        if count in terms[0]:
            assert sum(term[count] for term in terms) == pytest.approx(loss, rel=1e-4, abs=1e-6)
    assert at("gain", DRY).terms == {}


def test_a_star_stands_at_a_bound():
    preset = Preset.of(dl.parse("parametric_eq(bands=2) >> gain"), {}, SR)
    result = FitResult(preset, {"at_bound": ["parametric_eq.q[1]"]}, (), (), {}, SR)
    marked = [path for path, value, _ in result.table() if value.endswith(" *")]
    assert marked == ["parametric_eq.q"]


def test_a_long_row_of_numbers_is_told_by_its_ends():
    """Hundreds of them were a screen of digits."""
    preset = Preset.of(dl.parse("filtered_noise(bands=24, knots=24)"), {"move_db": np.linspace(-50.0, 10.0, 576)}, SR)
    rows = {path: value for path, value, _ in FitResult(preset, {}, (), (), {}, SR).table()}
    assert rows["move_db"] == "576 numbers, -50 to 10 dB"
    assert rows["gain_db"].count("-12") == 24
