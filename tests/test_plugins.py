"""Real plugins as blocks, beside pedalboard itself: Debian's zam-plugins, where they are installed."""

import importlib.util
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import cli, cli_json, plucks

import ddsp_lab as dl
from ddsp_lab._errors import DdspLabError, HostError
from ddsp_lab._space import Space

FOLDER, SR = Path("/usr/lib/vst3"), 48_000
here = (FOLDER / "ZamEQ2.vst3").exists()
pedalboard = importlib.util.find_spec("pedalboard")
pytestmark = pytest.mark.skipif(not (here and pedalboard), reason="zam-plugins or pedalboard are not installed")
SOUND = plucks(seconds=1.0, sr=SR)


# in a process of its own: pedalboard leaves the processor's treatment of denormal numbers changed
ALONE = """
import io, json, sys
import numpy as np
import pedalboard
path, raw, state = sys.argv[1], json.loads(sys.argv[2]), bytes.fromhex(sys.argv[3])
plugin = pedalboard.load_plugin(path)
if state:
    plugin.raw_state = state
for control in plugin._parameters:
    key = control.name.lower().replace("/", "_").replace(" ", "_")
    if key in raw:
        control.raw_value = raw[key]
y = plugin.process(np.load(io.BytesIO(sys.stdin.buffer.read())), 48000, reset=True)
np.save(sys.stdout.buffer, y)
"""


def alone(name, x, state=b"", **raw):
    """The plugin without us, at positions in [0, 1] of some controls or in a state."""
    given = io.BytesIO()
    np.save(given, x)
    command = [sys.executable, "-c", ALONE, FOLDER / f"{name}.vst3", json.dumps(raw), state.hex()]
    played = subprocess.run(command, input=given.getvalue(), capture_output=True, check=True)
    return np.load(io.BytesIO(played.stdout))


@pytest.mark.parametrize(("name", "raw"), [("ZamEQ2", {"boost_cut_1": 0.9}), ("ZamComp", {"threshold": 0.4})])
def test_the_sound_is_pedalboards(name, raw):
    block = dl.plugin(str(FOLDER / f"{name}.vst3"))
    (key, position), *_ = raw.items()
    control = next(c for c in block.facts.controls if c.param.startswith(key))
    value = float(np.interp(position, control.positions, control.values))
    np.testing.assert_allclose(
        dl.render(block, {control.param: value}, SOUND, SR), alone(name, SOUND, **raw), atol=2e-6
    )


def test_controls_have_the_units_and_ranges_that_the_plugin_shows():
    params = {q.name: q for q in dl.plugin("ZamDelay.vst3").params}
    time, invert = params["time_ms"], params["invert"]
    assert (time.low, time.high, time.unit, time.scale) == (1.0, 8000.0, "ms", "log")
    assert time.default == pytest.approx(160.0, rel=1e-3)
    assert invert.choices == ("0", "1")
    stack = {q.name: q for q in dl.plugin("ZamTube.vst3").params}["tone_stack_model"]
    assert len(stack.choices) == 25
    assert "Soldano SLO 100" in stack.choices


def test_every_position_of_every_control_can_be_reached():
    for name in ("ZamEQ2", "ZamComp", "ZamDelay", "ZamTube"):
        block = dl.plugin(f"{name}.vst3")
        space = Space(block)
        for u, wanted in ((np.zeros(space.size), 0.0), (np.ones(space.size), 1.0)):
            np.testing.assert_allclose(block.sent(space.decode(u)), wanted, atol=1e-6)


def test_a_mono_plugin_plays_each_channel_and_a_stereo_one_both():
    eq, limiter = dl.plugin("ZamEQ2.vst3"), dl.plugin("ZaMaximX2.vst3")
    both = np.concatenate([SOUND, 0.5 * SOUND[:, ::-1]])
    y = dl.render(eq, {"boost_cut_1_db": 9.0}, both, SR)
    for channel, x in zip(y, both, strict=True):
        np.testing.assert_array_equal(channel, dl.render(eq, {"boost_cut_1_db": 9.0}, x, SR))
    assert dl.render(limiter, {}, SOUND, SR).shape == (2, SR)
    with pytest.raises(DdspLabError, match="audio-channels"):
        dl.render(limiter, {}, np.repeat(SOUND, 3, axis=0), SR)


def test_latency_is_taken_off_and_declared():
    limiter = dl.plugin("ZaMaximX2.vst3")
    assert limiter.latency_samples(SR) == 480
    np.testing.assert_allclose(
        dl.render(limiter, {}, SOUND, SR), alone("ZaMaximX2", np.repeat(SOUND, 2, axis=0)), atol=1e-6
    )


@pytest.mark.parametrize("name", ["ZamEQ2", "ZamDelay", "ZaMaximX2"])
def test_pieces_are_the_whole(name, monkeypatch):
    block = dl.plugin(f"{name}.vst3")
    whole = dl.render(block, {}, SOUND, SR)
    monkeypatch.setattr("ddsp_lab._render.PIECE", 2 * 8192)  # whole blocks of pedalboard's: within one, gains ramp
    np.testing.assert_allclose(dl.render(block, {}, SOUND, SR), whole, atol=1e-6)


def test_nothing_of_earlier_settings_is_left():
    block, space = dl.plugin("ZamDelay.vst3"), Space(dl.plugin("ZamDelay.vst3"))
    loud = space.decode(np.full(space.size, 0.7))
    first = dl.render(block, {}, SOUND, SR)
    for _ in range(2):
        dl.render(block, loud, SOUND, SR)
        np.testing.assert_array_equal(dl.render(block, {}, SOUND, SR), first)


def test_one_that_varies_says_so():
    notes = dict(dl.plugin("ZamTube.vst3").remarks(SR))
    assert "does not repeat itself" in notes.get("plugin-varies", "does not repeat itself")
    assert dl.plugin("ZamEQ2.vst3").remarks(SR) == []


def test_a_preset_says_which_plugin_it_was_made_with():
    block = dl.plugin("ZamEQ2.vst3")
    preset = dl.Preset.of(block, {"boost_cut_1_db": 3.0}, SR)
    assert block.version in preset.chain
    assert dl.Preset.parse(preset.text().encode()) == preset
    other = preset.text().replace(block.version, "4.0.0-12345678").encode()
    with pytest.raises(DdspLabError) as caught:
        dl.Preset.parse(other)
    assert caught.value.code == "plugin-changed"
    renamed = preset.text().replace("boost_cut_1_db", "boost_1_db").encode()
    with pytest.raises(DdspLabError) as caught:
        dl.Preset.parse(renamed)
    assert caught.value.code == "unknown-parameter"
    assert "boost_cut_1_db" in str(caught.value)


def test_what_the_plugin_would_save_is_at_hand():
    block = dl.plugin("ZamEQ2.vst3")
    settings = {"boost_cut_1_db": 7.0, "master_gain_db": -3.0}
    loaded = alone("ZamEQ2", SOUND, state=block.state_file(settings, SR))
    np.testing.assert_allclose(loaded, dl.render(block, settings, SOUND, SR), atol=2e-6)


def test_reading_a_preset_loads_no_plugin(tmp_path, monkeypatch):
    elsewhere = tmp_path / "ZamEQ2.vst3"
    shutil.copytree(FOLDER / "ZamEQ2.vst3", elsewhere)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: str(tmp_path / "cache"))
    text = dl.Preset.of(dl.plugin("ZamEQ2.vst3"), {}, SR).text().replace("'ZamEQ2.vst3", f"'{elsewhere}")
    with pytest.raises(DdspLabError) as caught:
        dl.Preset.parse(text.encode())
    assert caught.value.code == "plugin-unknown"
    assert cli("plugins", "scan", elsewhere).exit_code == 0
    assert dl.Preset.parse(text.encode()).block.params


@pytest.mark.parametrize(
    ("path", "code"), [("nowhere.vst3", "plugin-missing"), (str(Path(__file__)), "plugin-unreadable")]
)
def test_what_is_no_plugin_is_refused(path, code):
    with pytest.raises(HostError) as caught:
        dl.plugin(path)
    assert caught.value.code == code


def test_scanning_a_folder_goes_on_after_a_file_that_does_not_load(tmp_path):
    (tmp_path / "Broken.vst3").write_text("no plugin")
    shutil.copytree(FOLDER / "ZamGate.vst3", tmp_path / "ZamGate.vst3")
    result = cli("plugins", "scan", tmp_path, "--json")
    assert result.exit_code == 3
    broken, gate = json.loads(result.stdout)
    assert broken["error"]["code"] == "plugin-unreadable"
    assert "threshold_db" in [q["name"] for q in gate["params"]]
    one = cli_json("plugins", "scan", FOLDER / "ZamEQ2.vst3")
    assert one[0]["varies_db"] < -120.0
    assert "ZamEQ2.vst3" in cli("plugins", "scan", FOLDER / "ZamEQ2.vst3").stdout


def test_a_fit_finds_a_gain_in_a_chain_of_text(tmp_path):
    hidden = dl.render(dl.parse("plugin('ZamEQ2.vst3')"), {"master_gain_db": 4.0}, SOUND, SR)
    block = dl.parse("plugin('ZamEQ2.vst3')")
    others = [q.name for q in block.params if q.name != "master_gain_db"]
    result = dl.fit(block, SOUND, hidden, SR, frozen=others, budget=200, folder=tmp_path)
    assert result.preset.values["master_gain_db"] == pytest.approx(4.0, abs=0.05)
    played = alone("ZamEQ2", SOUND, state=(tmp_path / "plugin.state").read_bytes())
    np.testing.assert_allclose(played, result.preset.render(SOUND, SR), atol=2e-6)
