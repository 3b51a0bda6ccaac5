"""The listening report without a browser: what it holds, what it refuses to run, and how large it gets."""

import base64
import hashlib
import html
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import SR, cli, cli_json, plucks
from pages import Page, made

import ddsp_lab as dl
from ddsp_lab import FitResult, Param, Preset, audio
from ddsp_lab._errors import RunError
from ddsp_lab._result import Candidate
from ddsp_lab.report import notebook, page, plain
from ddsp_lab.report._charts import number
from ddsp_lab.report._flow import flow

DRY = plucks()
HOSTILE = """</script></style><img src=x onerror=alert(1)>"'&<script>alert(2)</script>"""
FIT = ("fit", "dry.wav", "wet.wav", "--chain", "0.6 * gain - 0.1 * soft_clip", "-n", 30, "-o", "run")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder that the command line filled."""
    here = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setattr("sys.argv", ["ddsp-lab", *map(str, FIT), "it's"])
        audio.save("dry.wav", DRY, SR)
        audio.save("wet.wav", 0.5 * DRY, SR)
        cli_json(*FIT)
    return here / "run"


def test_a_run_ends_with_its_page(run):
    shown = Page((run / "report.html").read_text())
    assert shown.texts["h1"] == ["run"]
    assert shown.texts["pre"] == [""]
    command = next(text for text in shown.texts["code"] if text.startswith("ddsp-lab"))
    assert command == "ddsp-lab fit dry.wav wet.wav --chain '0.6 * gain - 0.1 * soft_clip' -n 30 -o run 'it'\"'\"'s'"
    for name in ("dry.wav", "wet.wav"):
        assert hashlib.sha256((run.parent / name).read_bytes()).hexdigest() in shown.texts["code"]
    for word in ("optimizer-chosen", "alternating", "esr", "0"):
        assert word in shown.texts["code"]
    cells = [text for tag in ("td", "th") for text in shown.texts[tag]]
    for word in ("gain_db", "−60 to 24 dB", "esr_aligned", "held_out", "lufs_fit", "seed", "versions"):
        assert word in cells, word


def test_a_result_is_read_back_from_its_folder(run):
    found = FitResult.load(run)
    again = dl.fit("0.6 * gain - 0.1 * soft_clip", DRY, 0.5 * DRY, SR, budget=30, folder=run, report=False)
    assert found.preset.values == again.values
    assert found.history == again.history
    assert set(again.notes) <= set(found.notes)
    assert found.sensitivity == pytest.approx(again.sensitivity, nan_ok=True)
    assert found.sounds.keys() == again.sounds.keys() == {"dry", "reference", "fit"}
    for name, sound in again.sounds.items():
        np.testing.assert_allclose(found.sounds[name], sound, atol=2.0**-22, err_msg=name)


def test_a_page_can_be_left_out_and_written_later(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    before = Page(Path("run/report.html").read_text()).data
    shown = cli_json(*FIT, "--fresh", "--no-report")
    assert "report" not in shown
    assert not Path("run/report.html").exists()
    assert cli_json("report", "run") == {"reports": ["run/report.html"]}
    after = Page(Path("run/report.html").read_text()).data
    assert after.keys() == before.keys()
    assert after["tracks"] == before["tracks"]
    assert cli("report", "run").stdout == "run/report.html\n"


@pytest.mark.parametrize("harm", ["metrics.json", "preset.json", "report.json", "fit.flac", "listen/dry.flac"])
@pytest.mark.parametrize("junk", [None, "[]", '{"sounds": 3}'])
def test_a_run_that_is_not_finished_is_refused(run, tmp_path, harm, junk):
    for file in (p for p in run.rglob("*") if p.is_file()):
        (tmp_path / file.relative_to(run)).parent.mkdir(exist_ok=True)
        (tmp_path / file.relative_to(run)).write_bytes(file.read_bytes())
    (tmp_path / harm).unlink() if junk is None else (tmp_path / harm).write_text(junk)
    if harm == "metrics.json" and junk == '{"sounds": 3}':
        return  # figures that are not there are left out
    with pytest.raises(RunError) as caught:
        FitResult.load(tmp_path)
    assert caught.value.code == "run-unfinished"


def test_the_page_vouches_for_what_it_runs_and_asks_for_nothing_else():
    text = page(made(heard=3), "a page")
    shown = Page(text)
    (policy,) = (a["content"] for a in shown.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for content in (shown.scripts[""], *shown.texts["style"]):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'" in policy
    assert {a["type"] for a in shown.all("script")} == {"text/plain", "application/json", "module"}
    for tag, attributes in shown.seen:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    assert re.findall(r"https?://", text) == []
    ids = [a["id"] for _, a in shown.seen if "id" in a]
    assert len(ids) == len(set(ids))
    pictures = [a for a in shown.all("img") if not a.get("alt")] + [
        a for a in shown.all("svg") if not ({"aria-label", "aria-hidden"} & a.keys() or "viewbox" in a)
    ]
    assert pictures == []


def test_names_from_files_are_text_and_run_nothing():
    def curve(x, sr, gain):
        return gain * x

    box = dl.callable_block(curve, (Param("gain", 0.0, 1.0, default=0.5, unit=HOSTILE),))
    result = made("gain", heard=2, notes=((HOSTILE, HOSTILE),))
    preset = replace_struct(result.preset, fit={"target": "esr"})
    result = replace(
        result,
        preset=preset,
        candidates=tuple(Candidate(HOSTILE, c.sound, {HOSTILE: 1.0}) for c in result.candidates),
        front=tuple((preset, {HOSTILE: float(i), "b": 1.0}) for i in range(4)),
        terms={HOSTILE: ((1, 1.0), (3, 0.5))},
        sounds={**result.sounds, HOSTILE: result.sounds["dry"]},
        metrics={**result.metrics, "at_bound": [HOSTILE], "seconds": HOSTILE},
    )
    config = {"chain": HOSTILE, "seed": 0, "versions": {HOSTILE: HOSTILE}, "ties": {"gain_db": HOSTILE}}
    text = page(result, HOSTILE, config, {"command": HOSTILE, "files": {HOSTILE: HOSTILE}})
    text += flow(box, {"gain": 0.5}, "dry")
    shown = Page(text)
    assert shown.texts["h1"] == [HOSTILE]
    assert shown.texts["title"][0] == f"{HOSTILE}: listening report"
    assert shown.data["name"] == HOSTILE
    assert all(not a.get("onerror") and a.get("src") != "x" for a in shown.all("img"))
    honest = page(made("gain", heard=2), "page", config={"seed": 0})
    count = len(shown.all("script")) - 1  # one more sound
    assert count == len(Page(honest).all("script"))


def replace_struct(preset, **changes):
    return Preset(preset.chain, preset.values, preset.sample_rate, **changes)


def test_sounds_are_as_loud_as_each_other_and_equal_ones_the_same_to_the_bit():
    result = made()
    shown = Page(page(result, "page"))
    levels = []
    for track in shown.data["tracks"]:
        y, sr = shown.heard(track["id"])
        assert sr == SR
        # the dither is of two steps
        np.testing.assert_allclose(y, result.sounds[track["id"]], atol=2.1 * track["scale"] / 32_768)
        levels.append(audio.loudness(track["matched"] * y, SR))
        assert np.abs(track["matched"] * result.sounds[track["id"]]).max() < 1.0
    assert np.ptp(levels) < 0.1
    twins = made(sounds={"reference": DRY, "fit": DRY.copy()})
    scripts = Page(page(twins, "page")).scripts
    assert scripts["audio-reference"] == scripts["audio-fit"]


def test_a_quiet_dry_recording_turns_nothing_down_and_a_loud_fit_does_not_clip():
    quiet = made(sounds={"dry": 1e-3 * DRY, "reference": DRY, "fit": 40.0 * DRY})
    tracks = {t["id"]: t for t in Page(page(quiet, "page")).data["tracks"]}
    assert tracks["reference"]["matched"] == pytest.approx(min(1.0, 0.9 / np.abs(DRY).max()), rel=0.02)
    assert tracks["fit"]["plain"] * 40.0 * np.abs(DRY).max() < 1.0


@pytest.mark.parametrize("history", [(), ((1, 1.0),), ((1, 1.0), (2, 0.0)), ((1, 1e-30), (9, 1e-31))])
@pytest.mark.parametrize("metrics", [{}, {"esr_aligned": 0.0, "loss": 0.0, "held_out": None, "latency_samples": 3.5}])
def test_any_figures_make_a_page(history, metrics):
    text = page(made("gain", history=history, metrics=metrics, terms={}, sensitivity={}, sounds={"fit": DRY}), "page")
    assert "nan" not in re.sub(r'<script.*?</script>|base64,[^"]*', "", text, flags=re.S).replace("sonagram", "")


@pytest.mark.parametrize(("shape", "value"), [((1, SR), 0.0), ((1, 100), 0.5), ((3, SR), 3.0)])
def test_any_sound_makes_a_page(shape, value):
    x = np.full(shape, value, np.float32)
    Page(page(made("gain", sounds={"dry": x, "reference": x, "fit": x}), "page"))


def test_long_recordings_are_heard_where_they_are_loudest():
    x = np.zeros((1, 50 * SR), np.float32)
    x[:, 41 * SR :] = 0.1
    shown = Page(page(made("gain", sounds={"reference": x, "fit": x}), "page"))
    assert shown.data["seconds"] == 30.0
    assert shown.data["start"] + 30.0 == pytest.approx(50.0, abs=0.6)
    assert any("Played are 30 s from" in text for text in shown.texts["p"])


def riff(seconds, sr=48_000):
    """Ten seconds of stereo as they come: the demo's riff, twice as wide."""
    y = audio.load(Path(__file__).parent.parent / "examples/audio/riff_wet.flac").samples[0]
    y = np.resize(audio.resample(y[None], 44_100, sr)[0], int(seconds * sr))
    return np.stack([y, 0.7 * np.roll(y, 311)])


def test_ten_seconds_of_stereo_take_four_megabytes():
    x = riff(10.0)
    text = page(made("gain", 48_000, sounds={"dry": x, "reference": 0.5 * x, "fit": 0.6 * x}), "page")
    assert len(text.encode()) <= 4e6


@pytest.mark.nightly
def test_fifty_candidates_take_25_megabytes():
    x = riff(10.0)
    some = tuple(Candidate(f"front {i}", (1 - 0.01 * i) * x, {"esr": 0.1 * i}) for i in range(50))
    text = page(made("gain", 48_000, sounds={"dry": x, "reference": 0.5 * x, "fit": 0.6 * x}, candidates=some), "page")
    assert len(text.encode()) <= 25e6


def test_a_candidate_takes_less_than_half_a_megabyte():
    x = riff(10.0)
    some = (Candidate("front 1", 0.9 * x, {"esr": 0.1}),)
    shown = Page(page(made("gain", 48_000, sounds={"reference": x}, candidates=some), "page"))
    assert len(shown.scripts["audio-front-0"]) <= 0.4e6


WRAPPERS = [b for b in dl.Block.registry.values() if b.family == "wrappers" and b.__module__.startswith("ddsp_lab.")]


@pytest.mark.parametrize("kind", WRAPPERS, ids=lambda kind: kind.name)
def test_every_wrapper_can_be_drawn(kind):
    chain = kind.example()
    drawn = ET.fromstring(flow(chain, Preset.of(chain, {}, SR).values, "dry"))
    texts = [element.text for element in drawn.iter("text")]
    for label in (label for block in [chain] for label, child in block.children.items() if not child.children):
        assert label in texts
    assert texts[-1] == "fit"


def test_weights_are_drawn_with_their_signs():
    chain = dl.parse("0.7 * soft_clip - 0.3 * gain + 0 * delay")
    drawn = flow(chain, Preset.of(chain, {}, SR).values, "dry")
    texts = [element.text for element in ET.fromstring(drawn).iter("text")]
    assert [text for text in texts if text[-1].isdigit()] == ["0.7", "−0.3", "0"]
    assert drawn.count("turned") == drawn.count("unheard") == 2


def test_a_notebook_shows_the_page_in_a_frame():
    frame = Page(made()._repr_html_())
    ((tag, attributes),) = frame.seen
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts allow-downloads"
    inner = Page(attributes["srcdoc"])
    assert inner.data["main"] == ["dry", "fit", "reference"]
    assert html.unescape(notebook(made())).count("<!doctype html>") == 1


def test_numbers_are_written_for_pages_and_for_terminals():
    for value, page_form, terminal in (
        (-0.0, "0", "0"),
        (-1.5, "−1.5", "-1.5"),
        (1e-12, "10⁻¹²", "1e-12"),
        (2.5e10, "2.5×10¹⁰", "2.5e10"),
        (1e-15, "10⁻¹⁵", "1e-15"),
    ):
        assert number(value) == page_form
        assert plain(f"loss {page_form}, then") == f"loss {terminal}, then"
