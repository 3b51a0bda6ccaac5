"""The examples run, and the recordings that are shipped are those that their script makes."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import ROOT

from ddsp_lab import Block, Damage, Optimizer, Preset, Target, audio

EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
OF_A_PAGE = ("pedal.py", "drum_patch.py", "timbre_transfer.py")  # a page of the docs runs the same in short
RUNS = [  # each with a line that it prints where all is well, and what it leaves behind
    ("preset_from_a_reference.py", r"compressor\.ratio +5 ", ["preset.json", "report.html", "chords.wav"]),
    ("pedal.py", "kept: high_pass >> soft_clip", ["preset.json", "guitar.wav", "pedal.wav", "fit.wav"]),
    ("drum_patch.py", r"tune_hz +46\.\d+ +46", ["preset.json", "notes.mid", "report.html", "loop.wav"]),
    ("scripted_search.py", "found: high_pass >> soft_clip", ["preset.json", "candidates.csv"]),
    ("timbre_transfer.py", "right within 10 cents for (9.|100)%", ["out.wav", "second.wav", "timbre.json"]),
    ("restore.py", "signal to distortion", ["whole.wav"]),
]
ROUNDING = 1e-5  # what float32 comes to in a compressor: another processor or another order of sums may differ so


def ran(name, folder):
    """What a script prints, run in a folder with that folder as its argument."""
    command = [sys.executable, str(EXAMPLES / name), str(folder)]
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"}
    )
    assert done.returncode == 0, f"{name}: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_an_example_is_short_and_begins_by_saying_what_it_shows(script):
    text = script.read_text()
    assert text.startswith('"""')
    assert f"python examples/{script.name}" in text.split('"""')[1]
    assert len(text.splitlines()) < 80


@pytest.mark.parametrize(
    ("name", "says", "leaves"),
    [pytest.param(*run, id=run[0], marks=pytest.mark.nightly if run[0] in OF_A_PAGE else ()) for run in RUNS],
)
def test_every_example_runs_and_finds_what_it_looks_for(name, says, leaves, tmp_path):
    assert re.search(says, ran(name, tmp_path))
    assert set(leaves) <= {path.name for path in tmp_path.iterdir()}


def test_no_example_is_forgotten():
    assert {script.name for script in SCRIPTS} == {name for name, *_ in RUNS} | {"make_audio.py"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder with the recordings that ship, made afresh."""
    folder = tmp_path_factory.mktemp("audio")
    ran("make_audio.py", folder)
    return folder


@pytest.mark.parametrize("name", ["riff_dry.flac", "riff_wet.flac"])
def test_the_shipped_recordings_are_what_the_script_makes(made, name):
    fresh, shipped = audio.load(made / name), audio.load(EXAMPLES / "audio" / name)
    assert fresh.sr == shipped.sr == 44_100
    assert fresh.samples.shape == shipped.samples.shape
    assert np.abs(fresh.samples - shipped.samples).max() <= ROUNDING


def test_the_shipped_truth_turns_one_into_the_other(made):
    truth = Preset.load(EXAMPLES / "audio" / "riff_truth.json")
    assert truth == Preset.load(made / "riff_truth.json")
    dry, wet = (audio.load(EXAMPLES / "audio" / f"riff_{kind}.flac") for kind in ("dry", "wet"))
    assert np.abs(truth.render(dry.samples, dry.sr) - wet.samples).max() <= ROUNDING
    assert np.abs(dry.samples - wet.samples).max() > 0.1


def test_the_page_on_targets_says_what_each_hears():
    page = (ROOT / "docs" / "choose_a_target.md").read_text()
    rows = [
        f"| `{name}` | {', '.join(target.hears)} | {', '.join(target.deaf_to)} |"
        for name, target in sorted((k, v()) for k, v in Target.registry.items() if v.__module__.startswith("ddsp_lab."))
    ]
    wanted = "\n".join(["| target | hears | is deaf to |", "|---|---|---|", *rows])
    assert page.partition("<!-- targets -->\n")[2].partition("\n<!-- end -->")[0] == wanted


def test_the_page_on_optimizers_says_what_each_can_do():
    page, says = (ROOT / "docs" / "choose_an_optimizer.md").read_text(), ("no", "yes")
    rows = [
        f"| `{name}` | {says[way.needs_gradient]} | {says[way.handles_settings]} | {says[way.parallel]} |"
        for name, way in sorted(Optimizer.registry.items())
        if way.__module__.startswith("ddsp_lab.")
    ]
    wanted = "\n".join(["| optimizer | gradient | settings | parallel |", "|---|---|---|---|", *rows])
    assert page.partition("<!-- optimizers -->\n")[2].partition("\n<!-- end -->")[0] == wanted


def test_the_readme_names_every_block():
    table = (ROOT / "README.md").read_text().partition("| kind | blocks")[2]
    named = set(re.findall(r"`(\w+)`", table.partition("\n\n")[0]))
    written = {k for k, v in Block.registry.items() if v.__module__.startswith("ddsp_lab.")}
    assert named == written - {"series", "parallel"}


def test_the_readme_links_every_page_and_example():
    linked = set(re.findall(r"\]\((\S+?)\)", (ROOT / "README.md").read_text()))
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} - {"docs/index.md"}
    assert pages | {f"examples/{script.name}" for script in SCRIPTS} <= linked


def test_the_readme_names_every_target_damage_and_optimizer():
    text = (ROOT / "README.md").read_text()
    for kind, head in ((Target, "| target "), (Damage, "| damage "), (Optimizer, "| optimizer ")):
        named = set(re.findall(r"`(\w+)`", text.partition(head)[2].partition("\n\n")[0]))
        assert named == {k for k, v in kind.registry.items() if v.__module__.startswith("ddsp_lab.")}


DECLIP = """
import numpy as np
from restore import restore, sdr, tone
truth = tone(16_000, 1.0)
levels = np.abs(truth).max() * np.linspace(0.05, 0.95, 200)
for before, gained in ((10.0, 5.0), (15.0, 9.0)):
    clipped = min((np.clip(truth, -v, v) for v in levels), key=lambda y: abs(sdr(truth, y) - before))
    whole = restore(clipped, 16_000, "clip")
    assert sdr(truth, whole) - sdr(truth, clipped) >= gained
    cut = np.abs(clipped) >= 0.999 * np.abs(clipped).max()
    np.testing.assert_array_equal(whole[~cut], clipped[~cut])
    assert (np.sign(clipped) * whole)[cut].min() >= 0.999 * np.abs(clipped).max()
"""


@pytest.mark.nightly
def test_declipping_brings_back_what_was_cut_off_and_leaves_the_rest():
    """In a process of its own: beside another one, a worker of the tests has died of it inside XLA."""
    done = subprocess.run([sys.executable, "-c", DECLIP], cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.nightly
def test_gaps_of_ten_milliseconds_are_filled(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    from restore import restore, sdr, tone

    truth = tone(16_000, 1.0)
    gap = np.isin(np.arange(truth.size) // 160, (20, 35, 80))
    whole = restore(np.where(gap, 0.0, truth), 16_000, "mask")
    assert sdr(truth[gap], whole[gap]) > 15.0
    np.testing.assert_array_equal(whole[~gap], truth[~gap])
