"""What a fit hands back: figures that say what it is worth, a curve, and a page for a notebook."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
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


VOID = {"br", "polyline", "source", "img"}


class Page(HTMLParser):
    """Elements in order, what each holds, and that every one is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.cells = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "li", "h4", "text"):
            self.cells.append("")

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        assert self.open, f"{data!r} stands outside every element"
        if self.open[-1] in ("td", "li", "h4", "text"):
            self.cells[-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]


def test_a_notebook_shows_players_curve_and_table(result):
    page = Page(result._repr_html_())
    heard = []
    for player in page.all("audio"):
        kind, data = player["src"].split(";base64,")
        assert kind == "data:audio/flac"
        heard.append(soundfile.read(io.BytesIO(base64.b64decode(data, validate=True)), always_2d=True))
    assert [sr for _, sr in heard] == [SR] * 3
    loudest = max(np.abs(y).max() for y in result.sounds.values())
    for (y, _), name in zip(heard, ("dry", "reference", "fit"), strict=True):
        expected = result.sounds[name].T * min(1.0, 0.9 / loudest)
        np.testing.assert_allclose(y, expected, atol=2.0**-14, err_msg=name)
    (curve,) = page.all("polyline")
    points = np.array([[float(v) for v in p.split(",")] for p in curve["points"].split()])
    assert len(points) == len(result.history)
    assert (np.diff(points, axis=0) >= 0.0).all()  # to the right, and downwards as SVG counts
    for cell in ("cutoff_hz", "900 Hz", "20 to 20000 Hz", "gain_db", "9 dB", "q", "held_out", "-"):
        assert cell in page.cells


def made(chain="gain", metrics=None, history=((1, 1.0), (3, 0.5)), notes=(), x=DRY, sr=SR):
    preset = Preset.of(dl.parse(chain), {}, sr)
    return FitResult(preset, metrics or {}, history, notes, {"dry": x, "reference": x, "fit": x}, sr)


def test_texts_are_escaped():
    page = Page(made("gain >> delay", notes=(("audio-rate", "<b>x</b> & 'y'"),))._repr_html_())
    assert "gain >> delay" in page.cells
    assert "<b>x</b> & 'y'" in page.cells
    assert page.all("b") == []


def test_a_star_stands_at_a_bound():
    result = made("parametric_eq(bands=2) >> gain", {"at_bound": ["parametric_eq.q[1]"]})
    marked = [path for path, value, _ in result.table() if value.endswith(" *")]
    assert marked == ["parametric_eq.q"]


@pytest.mark.parametrize("history", [(), ((1, 1.0),), ((1, 1.0), (2, 0.0)), ((1, 1e-30), (9, 1e-31))])
def test_any_history_makes_a_page(history):
    page = Page(made(history=history)._repr_html_())
    assert len(page.all("polyline")) == (len(history) > 1)
    assert "nan" not in str(page.seen)


def test_long_and_loud_sounds_are_shortened_and_turned_down():
    page = Page(made(x=np.full((2, 11 * SR), 50.0, np.float32))._repr_html_())
    data = page.all("audio")[0]["src"].split(",")[1]
    y, _ = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert y.shape == (10 * SR, 2)
    np.testing.assert_allclose(y, 0.9, atol=1e-3)
