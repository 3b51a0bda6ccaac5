"""The command line: every verb, for people and for programs; results on stdout, everything else on stderr."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import SR, cli, cli_json, finished, plucks, process, stock, strict_json

import ddsp_lab as dl
from ddsp_lab import audio
from ddsp_lab.cli import demo as demo_module
from ddsp_lab.cli._progress import ProgressBar
from ddsp_lab.cli._shell import two_values

DRY = plucks()
FIGURES = {
    *("loss_start", "loss", "esr", "esr_aligned", "mrstft", "held_out", "latency_samples", "gain_db", "polarity"),
    *("lufs_reference", "lufs_fit", "evaluations", "seconds", "compile_seconds", "seed", "at_bound", "insensitive"),
    "preset",
}
RUN = {
    "config.json",
    "journal.jsonl",
    "preset.json",
    "fit.flac",
    "metrics.json",
    "report.json",
    "report.html",
    "listen",
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf")
    stock(folder)
    return folder


@pytest.fixture(autouse=True)
def here(shelf, tmp_path, monkeypatch):
    """Each test in a folder of its own, with the shelf at hand as `s/`."""
    (tmp_path / "s").symlink_to(shelf)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fit(*more, dry="s/dry.wav", reference="s/wet.wav", chain="gain"):
    return cli_json("fit", dry, reference, "--chain", chain, "-o", "run", *more)


def codes(shown):
    """Of what was resolved about the recordings."""
    return [note["code"] for note in shown["notes"] if note["code"] != "optimizer-chosen"]


# --- blocks


def test_blocks_are_described_as_data():
    described = {d["name"]: d for d in cli_json("blocks")}
    ours = (k for k, v in dl.Block.registry.items() if v.__module__.startswith("ddsp_lab.") and not v.needs_file)
    assert set(ours) <= described.keys()
    for name, d in described.items():
        keys = {"name", "family", "takes", "differentiable", "params", "settings", "latency_samples", "ops_per_sample"}
        assert d.keys() == keys, name
        assert d["family"] in ("effects", "synths", "hosts", "wrappers")
        assert isinstance(d["differentiable"], bool)
        assert isinstance(d["latency_samples"], int)
        assert d["ops_per_sample"] >= 0.0
        for q in d["params"]:
            assert q.keys() - {"choices", "numbers"} == {"name", "low", "high", "default", "unit", "scale"}
            assert len(q.get("choices", ())) == (q["high"] + 1 if "choices" in q else 0)
            assert q["low"] <= q["default"] <= q["high"]
            assert q["scale"] in ("linear", "log", "integer")
    assert described["gain"]["params"] == [
        {"name": "gain_db", "low": -60.0, "high": 24.0, "default": 0.0, "unit": "dB", "scale": "linear"}
    ]
    assert described["parametric_eq"]["settings"] == {"bands": 4}
    assert [q["name"] for q in described["parametric_eq"]["params"]][:2] == ["cutoff_hz[0]", "cutoff_hz[1]"]
    assert described["soft_clip"]["latency_samples"] == 64
    assert described["mix"]["family"] == "wrappers"


def test_blocks_are_listed():
    shown = cli("blocks").stdout
    for word in ("compressor", "threshold_db", "-60 to 0", "log", "effects", "wrappers", "bands=4"):
        assert word in shown


# --- targets


def test_targets_are_described_as_data():
    described = {d["name"]: d for d in cli_json("targets")}
    assert {k for k, v in dl.Target.registry.items() if v.__module__.startswith("ddsp_lab.")} <= described.keys()
    for name, d in described.items():
        assert d.keys() == {"name", "hears", "deaf_to", "differentiable"}, name
        assert isinstance(d["differentiable"], bool)
        assert not set(d["hears"]) & set(d["deaf_to"])
    assert described["multi_resolution_stft"]["deaf_to"] == ["polarity", "phase"]
    assert "delay" in described["esr"]["hears"]


def test_targets_are_listed():
    shown = cli("targets").stdout
    for word in ("esr", "multi_resolution_stft", "deaf to", "polarity, phase"):
        assert word in shown


# --- optimizers


def test_optimizers_are_described_as_data():
    described = {d["name"]: d for d in cli_json("optimizers")}
    assert {k for k, v in dl.Optimizer.registry.items() if v.__module__.startswith("ddsp_lab.")} <= described.keys()
    for name, d in described.items():
        keys = {"name", "description", "needs_gradient", "handles_settings", "parallel", "settings"}
        assert d.keys() == keys, name
        assert d["description"].endswith(".")
        assert len(d["description"]) > 20
        assert str(dl.Optimizer.member(name)(**d["settings"])) == name
    assert described["adam"]["needs_gradient"]
    assert not described["adam"]["handles_settings"]
    assert described["cma_es"]["parallel"]
    assert described["nevergrad"]["settings"] == {"algorithm": "CMA", "population": None, "generations": 400}


def test_optimizers_are_listed():
    shown = cli("optimizers").stdout
    for word in ("cma_es: CMA-ES", "gradients", "parallel", "steps=", "algorithm=CMA"):
        assert word in shown


# --- check


def test_check_measures_a_pair():
    shown = cli_json("check", "s/dry.wav", "s/late.wav")
    assert shown["dry"]["sample_rate"] == shown["reference"]["sample_rate"] == SR
    assert shown["latency_samples"] == pytest.approx(40.0, abs=0.02)
    assert shown["applied_samples"] == 40
    assert shown["polarity"] == 1
    assert shown["gain_db"] == pytest.approx(-6.02, abs=0.05)
    assert shown["esr_best_gain"] < 1e-3
    assert shown["dry"]["clipped_samples"] == 0
    assert shown["dry"]["peak_db"] == pytest.approx(20 * np.log10(np.abs(DRY).max()), abs=1e-3)
    assert codes(shown) == ["align-latency"]


def test_check_counts_what_is_clipped(here):
    audio.save(here / "clipped.wav", (20.0 * DRY).clip(-1.0, 1.0), SR)
    assert cli_json("check", "s/dry.wav", "clipped.wav")["reference"]["clipped_samples"] > 10


def test_check_is_read_by_people_too():
    result = cli("check", "s/dry.wav", "s/late.wav")
    assert result.exit_code == 0
    for word in ("sample_rate", "latency_samples", "8000", "polarity"):
        assert word in result.stdout
    assert "note align-latency: The reference is 40.00 samples late" in result.stderr


# --- fit


def test_fit_reports_its_figures_and_writes_its_folder(here):
    shown = fit()
    assert shown.keys() >= FIGURES
    assert shown["loss"] < 1e-7 < shown["loss_start"]
    assert shown["gain_db"] == pytest.approx(-6.0206, abs=1e-3)
    assert shown["seed"] == 0
    assert shown["notes"] == [
        {"code": "optimizer-chosen", "text": "alternating: a sum of squares with 1 parameter, all with gradients."}
    ]
    assert {p.name for p in (here / "run").iterdir()} == RUN
    assert shown["preset"] == "run/preset.json"
    assert dl.Preset.load("run/preset.json").values["gain_db"] == pytest.approx(-6.0206, abs=1e-3)
    np.testing.assert_allclose(audio.load("run/fit.flac").samples, 0.5 * DRY, atol=1e-5)
    saved = strict_json((here / "run" / "metrics.json").read_text())
    assert saved == {k: v for k, v in shown.items() if k not in ("notes", "report")}
    assert shown["report"] == "run/report.html"


def test_fit_is_read_by_people_too():
    result = cli("fit", "s/dry.wav", "s/inverted.wav", "--chain", "gain", "-o", "run")
    assert result.exit_code == 0
    for word in ("ESR", "spectra", "gain_db", "-6.021 dB", "-60 to 24 dB", "evaluations", "run: preset.json"):
        assert word in result.stdout
    assert result.stdout.isascii()
    after = result.stdout.split("\n\n")[-1]
    assert 8 <= after.count("\n") <= 12
    assert after.rstrip().endswith("run/report.html")
    assert "note align-polarity" in result.stderr


def test_nothing_but_errors_is_heard_where_it_is_to_be_quiet():
    loud, quiet, wrong = (
        cli("fit", "s/dry.wav", reference, "--chain", "gain", "-o", "run", "-n", 3, *more)
        for reference, more in (("s/wet.wav", ()), ("s/wet.wav", ("--quiet",)), ("s/none.wav", ("--quiet",)))
    )
    assert loud.stderr.startswith("note optimizer-chosen: alternating")
    assert loud.stderr.count("\n") == 1
    assert quiet.stderr == ""
    assert quiet.stdout.startswith("setting")
    assert wrong.stderr.startswith("error audio-missing")


def test_the_progress_line_says_how_fast_it_goes_and_how_long():
    bar = ProgressBar()
    bar.seen.extend([(10.0, 0), (12.0, 500), (15.0, 1000)])
    so_far = {"best": SimpleNamespace(loss=0.5), "history": [(1, 2.0)], "evaluations": 1000}
    for budget, seconds, left, said, spent in (
        (np.inf, np.inf, np.inf, "200/s", None),
        (3000, np.inf, np.inf, "200/s, 10 s left", 1 / 3),
        (3000, 8.0, 4.0, "200/s, 4 s left", 1 / 2),
        (1_001_000, np.inf, np.inf, "200/s, 1:23:20 left", pytest.approx(1e-3, rel=0.01)),
    ):
        search = SimpleNamespace(**so_far, budget=budget, seconds=seconds, seconds_left=left)
        assert bar.said(search) == f"loss 2 → 0.5, 1,000 evaluations, {said}"
        assert bar.spent(search) == spent


def test_the_same_fit_again_goes_on():
    first, again = fit("--seed", "7"), fit("--seed", "7")
    assert first["seed"] == again["seed"] == 7
    assert (first["replayed"], again["replayed"] > 0) == (0, True)
    assert again["loss"] == first["loss"]


def test_a_folder_is_named_after_the_reference(here):
    assert cli_json("fit", "s/dry.wav", "s/wet.wav", "--chain", "gain", "-n", 1)["preset"] == "runs/wet/preset.json"


def test_more_pairs_are_fitted_together():
    shown = fit("--pair", "s/short.wav", "s/short_wet.wav", "--pair", "s/dry.wav", "s/wet.wav", "-n", 1)
    config = strict_json(Path("run/config.json").read_text())
    assert len(config["recordings"]) == 3
    assert config["recordings"][0] == config["recordings"][2] != config["recordings"][1]
    assert shown["evaluations"] == 1


def test_pairs_take_two_files():
    assert two_values(["--pair", "a", "b", "-n", "3"], "--pair") == ["--pair", "a", "--pair", "b", "-n", "3"]
    assert two_values(["--pair", "a", "-n", "3"], "--pair") == ["--pair", "a", "-n", "3"]
    assert two_values(["--pair", "a"], "--pair") == ["--pair", "a"]


def test_options_reach_the_fit():
    shown = fit(
        *("--freeze", "gain_2.gain_db", "--tie", "gain_3.gain_db=gain.gain_db", "-n", 5, "--no-align"),
        *("--target", "esr(pre_emphasis=0.5)", "--optimizer", "adam(steps=2)"),
        chain="gain >> gain(gain_db=-2) >> gain",
    )
    preset = dl.Preset.load("run/preset.json")
    assert preset.flat["gain_2.gain_db"] == -2.0
    assert preset.flat["gain.gain_db"] == preset.flat["gain_3.gain_db"] != 0.0
    assert (preset.fit["target"], preset.fit["optimizer"]) == ("esr(pre_emphasis=0.5)", "adam(steps=2)")
    assert shown["evaluations"] <= 5
    assert strict_json(Path("run/config.json").read_text())["align"] is False


RESOLVED = {
    "rate": (("s/dry.wav", "s/fast.wav"), "audio-rate", "resampled"),
    "channels": (("s/dry.wav", "s/stereo.wav"), "audio-channels", "mixed down to 1"),
    "length": (("s/dry.wav", "s/cut.wav"), "audio-length", "overlap"),
    "delay": (("s/dry.wav", "s/late.wav"), "align-latency", "40 were taken off"),
    "polarity": (("s/dry.wav", "s/inverted.wav"), "align-polarity", "turned round"),
}


@pytest.mark.parametrize(("pair", "code", "said"), RESOLVED.values(), ids=RESOLVED)
@pytest.mark.parametrize("verb", [("fit", "--chain", "gain", "-n", 1, "-o", "run"), ("check",)], ids=["fit", "check"])
def test_what_is_resolved_is_reported(verb, pair, code, said):
    result = cli(verb[0], *pair, *verb[1:])
    assert result.exit_code == 0
    assert f"note {code}: " in result.stderr
    assert said in result.stderr
    assert codes(cli_json(verb[0], *pair, *verb[1:])) == [code]


# --- render


def test_render_plays_a_preset(here):
    shown = cli_json("render", "s/dry.wav", "s/good.json", "-o", "out.wav", "--tail", 0.5)
    assert shown == {
        "output": "out.wav",
        "sample_rate": SR,
        "channels": 1,
        "seconds": 1.5,
        "lufs": pytest.approx(audio.loudness(audio.load("out.wav").samples, SR)),
        "gain_db": 0.0,
        "notes": [],
    }
    expected = np.pad(10 ** (1 / 20) * DRY, ((0, 0), (0, SR // 2)))
    np.testing.assert_allclose(audio.load("out.wav").samples, expected, atol=1e-6)
    result = cli("render", "s/stereo.wav", "s/good.json", "-o", "out.flac")
    assert result.exit_code == 0
    assert "out.flac: 1.00 s, 2 channel(s) at 8000 Hz" in result.stdout


def test_render_turns_down_or_cuts_where_it_is_told():
    assert cli("render", "s/dry.wav", "s/loud.json", "-o", "out.flac").exit_code == 2
    peak = 20 * np.log10(np.abs(DRY).max()) + 24.0
    shown = cli_json("render", "s/dry.wav", "s/loud.json", "-o", "out.flac", "--clip-mode", "rescale")
    assert shown["gain_db"] == pytest.approx(-peak, abs=1e-3)
    assert shown["lufs"] == pytest.approx(audio.loudness(audio.load("out.flac").samples, SR), abs=1e-3)
    assert (
        "turned down by" in cli("render", "s/dry.wav", "s/loud.json", "-o", "out.flac", "--clip-mode", "rescale").stdout
    )
    assert cli_json("render", "s/dry.wav", "s/loud.json", "-o", "out.flac", "--clip-mode", "clamp")["gain_db"] == 0.0
    assert np.abs(audio.load("out.flac").samples).max() == pytest.approx(1.0, abs=1e-6)
    assert cli_json("render", "s/dry.wav", "s/loud.json", "-o", "out.wav")["gain_db"] == 0.0


# --- demo


def test_demo_compares_what_is_found_with_what_was_hidden(here, shelf, monkeypatch):
    (here / "shipped").mkdir()
    truth = dl.Preset.of(dl.parse("gain"), {"gain_db": -6.0}, SR)
    audio.save(here / "shipped/riff_dry.flac", DRY, SR)
    audio.save(here / "shipped/riff_wet.flac", truth.render(audio.load(here / "shipped/riff_dry.flac").samples, SR), SR)
    truth.save(here / "shipped/riff_truth.json")
    monkeypatch.setattr(demo_module, "SHIPPED", here / "shipped")
    shown = cli_json("demo", "-o", "out")
    assert shown["hidden"] == {"gain_db": -6.0}
    assert shown["found"]["gain_db"] == pytest.approx(-6.0, abs=1e-3)
    assert shown["esr_aligned"] < 1e-7 < shown["esr_start"]
    assert all(os.path.isfile(path) for path in shown["files"].values())
    text = cli("demo").stdout
    for word in ("before", "after", "found", "hidden", "gain_db", "ddsp-lab-demo/fit.flac"):
        assert word in text


# --- the program itself


def test_python_m_is_the_same_program(here):
    code, out, err = finished(process("check", "s/dry.wav", "s/wet.wav", "--json", cwd=here))
    assert (code, err) == (0, "")
    assert strict_json(out)["polarity"] == 1
    arguments = ("fit", "s/dry.wav", "s/wet.wav", "--pair", "s/dry.wav", "s/none.wav", "--chain", "gain", "--json")
    code, out, err = finished(process(*arguments, cwd=here))
    assert (code, strict_json(out)["error"]["code"]) == (2, "audio-missing")
    assert err == "error audio-missing: s/none.wav does not exist. Check the path.\n"


def test_help_names_every_verb():
    result = cli("--help")
    assert result.exit_code == 0
    for verb in ("demo", "blocks", "targets", "optimizers", "check", "fit", "match", "report", "render"):
        assert verb in result.stdout
        assert "--json" in cli(verb, "--help").stdout


def test_names_that_are_no_utf_8_are_no_harm(here):
    name = os.fsdecode(b"caf\xe9.wav")
    shutil.copy("s/dry.wav", name)
    assert cli_json("check", name, "s/wet.wav")["polarity"] == 1
    code, out, err = finished(
        process("render", name, "s/good.json", "-o", os.fsdecode(b"\xe9.mp3"), "--json", cwd=here)
    )
    assert (code, strict_json(out)["error"]["code"]) == (2, "audio-format")
    assert "Traceback" not in err
