"""Bad input to the command line: each has a code, a remedy and exit code 2, and nothing is left half done."""

import json

import numpy as np
import pytest
import soundfile
from helpers import SR, cli, cli_json, plucks, stock, strict_json

from ddsp_lab import audio

PRESET = {"format": 1, "chain": "gain", "sample_rate": SR, "values": {"gain_db": 1.0}}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Recordings and presets, good and bad."""
    folder = tmp_path_factory.mktemp("shelf")
    stock(folder)
    dry = plucks()
    for name, x in {
        "other": np.random.default_rng(7).standard_normal(SR),
        "silent": 0.0 * dry,
        "one": dry[:, :1],
    }.items():
        audio.save(folder / f"{name}.wav", x, SR)
    soundfile.write(folder / "nan.wav", np.full(SR, np.nan), SR, subtype="FLOAT")
    whole = (folder / "wet.wav").read_bytes()
    (folder / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("no sound\n" * 99)
    good = json.dumps(PRESET)
    presets = {
        "field": json.dumps(PRESET | {"x": 1}),
        "newer": json.dumps(PRESET | {"format": 2}),
        "nan": good.replace("1.0", "NaN"),
        "twice": good.replace('"gain_db": 1.0', '"gain_db": 1.0, "gain_db": 2.0'),
        "deep": "[" * 100_000,
        "path": good.replace("1.0", '"/etc/passwd"'),
        "chain_path": good.replace('"gain"', '"../x.json"'),
        "bounds": good.replace("1.0", "25"),
        "surrogate": good.replace("gain_db", "\\ud800"),
        "text": "gain_db: 1.0",
    }
    for name, text in presets.items():
        (folder / f"{name}.json").write_text(text)
    return folder


@pytest.fixture(autouse=True)
def here(shelf, tmp_path, monkeypatch):
    """Each test in a folder of its own, with the shelf at hand as `s/`."""
    (tmp_path / "s").symlink_to(shelf)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(arguments, code, said):
    text, data = cli(*arguments), cli(*arguments, "--json")
    for result in (text, data):
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit)
        assert f"error {code}: " in result.stderr
        assert said in result.stderr
        assert "Traceback" not in result.output
    error = strict_json(data.stdout)["error"]
    assert error.keys() == {"code", "message", "remedy"}
    assert error["code"] == code
    assert error["message"]
    assert error["remedy"]
    assert f"{error['message']} {error['remedy']}" in data.stderr
    assert text.stdout.strip() == ""


def a_fit(*more, dry="s/dry.wav", reference="s/wet.wav", chain="gain"):
    return ("fit", dry, reference, "--chain", chain, "-o", "run", *more)


def a_preset(name):
    return ("render", "s/dry.wav", f"s/{name}.json", "-o", "out.wav")


BAD_SOUNDS = {
    "missing": ("s/none.wav", "audio-missing", "s/none.wav does not exist"),
    "a folder": ("s", "audio-missing", "directory"),
    "truncated": ("s/truncated.wav", "audio-truncated", "Copy or download"),
    "empty": ("s/empty.wav", "audio-empty", "empty file"),
    "no audio": ("s/text.wav", "audio-format", "ffmpeg"),
    "NaN": ("s/nan.wav", "audio-not-finite", "Repair or cut"),
}
BAD_PAIRS = {
    "one sample": ("s/one.wav", "audio-empty", "1 samples"),
    "silent": ("s/silent.wav", "audio-silent", "input and mute"),
    "unrelated": ("s/other.wav", "align-ambiguous", "--no-align"),
}
BAD = {
    "unknown block": (a_fit(chain="gian"), "unknown-name", "Did you mean 'gain'?"),
    "unknown parameter": (a_fit(chain="gain(gain_bd=3)"), "unknown-setting", "Did you mean 'gain_db'?"),
    "out of bounds": (a_fit(chain="gain(gain_db=99)"), "parameter-bounds", "-60 to 24 dB"),
    "no chain": (a_fit(chain="gain >> [x]"), "expression-syntax", "column 9"),
    "a value too many": (a_fit(chain="gain(3)"), "bad-setting", "name=value"),
    "unknown target": (a_fit("--target", "esrr"), "unknown-name", "Did you mean 'esr'?"),
    "unknown optimizer": (a_fit("--optimizer", "adma"), "unknown-name", "Did you mean 'adam'?"),
    "no time": (a_fit("--seconds", 0), "bad-setting", "from 0.001 up"),
    "no workers": (a_fit("--executor", "local:0"), "bad-setting", "local:4"),
    "unknown path": (a_fit("--freeze", "gain_bd"), "unknown-parameter", "Did you mean 'gain_db'?"),
    "half a tie": (a_fit("--tie", "gain_db"), "unknown-parameter", "PATH=PATH"),
    "all frozen": (a_fit("--freeze", "gain_db"), "nothing-to-fit", "Freeze or tie less"),
    "half a pair": (a_fit("--pair", "s/dry.wav"), "fit-pairs", "--pair DRY REF"),
    "half a pair, then an option": (a_fit("--pair", "s/dry.wav", "--seed", 3), "fit-pairs", "--pair DRY REF"),
    "bad second pair": (a_fit("--pair", "s/dry.wav", "s/none.wav"), "audio-missing", "s/none.wav"),
    "wrong target": (
        a_fit("--target", "multi_resolution_stft", "--optimizer", "levenberg_marquardt"),
        "fit-needs-residual",
        "adam",
    ),
    "strict rates": (a_fit("--strict", reference="s/fast.wav"), "audio-rate", "--strict"),
    "strict channels": (a_fit("--strict", reference="s/stereo.wav"), "audio-channels", "--strict"),
    "strict lengths": (a_fit("--strict", reference="s/cut.wav"), "audio-length", "--strict"),
    "strict check": (("check", "s/dry.wav", "s/cut.wav", "--strict"), "audio-length", "--strict"),
    "a file for a folder": (
        ("fit", "s/dry.wav", "s/wet.wav", "--chain", "gain", "-o", "s/dry.wav"),
        "run-disk",
        "folder",
    ),
    "no preset": (a_preset("none"), "preset-json", "No such file"),
    "preset with a field": (a_preset("field"), "preset-field", "`x`"),
    "newer preset": (a_preset("newer"), "preset-format", "Update ddsp_lab"),
    "preset with NaN": (a_preset("nan"), "preset-json", "NaN"),
    "preset with a key twice": (a_preset("twice"), "preset-json", "stands twice"),
    "deep preset": (a_preset("deep"), "preset-limits", "nested deeper"),
    "preset with a path": (a_preset("path"), "preset-field", "/etc/passwd"),
    "preset whose chain is a path": (a_preset("chain_path"), "expression-syntax", "chain_path.json"),
    "preset out of bounds": (a_preset("bounds"), "parameter-bounds", "-60 to 24 dB"),
    "preset that is no text": (a_preset("surrogate"), "preset-json", "surrogate"),
    "preset that is no JSON": (a_preset("text"), "preset-json", "text.json"),
    "sound for a preset": (("render", "s/dry.wav", "s/dry.wav", "-o", "out.wav"), "preset-json", "dry.wav"),
    "preset for a sound": (("render", "s/good.json", "s/good.json", "-o", "out.wav"), "audio-format", "good.json"),
    "no ending": (("render", "s/dry.wav", "s/good.json", "-o", "out"), "audio-format", ".flac"),
    "clipping": (("render", "s/dry.wav", "s/loud.json", "-o", "out.flac"), "audio-clips", "--clip-mode rescale"),
    "no folder": (("render", "s/dry.wav", "s/good.json", "-o", "no/out.wav"), "audio-unwritable", "No such file"),
}
BAD |= {f"{k} dry": (a_fit(dry=p), code, said) for k, (p, code, said) in (BAD_SOUNDS | BAD_PAIRS).items()}
BAD |= {f"{k} reference": (a_fit(reference=p), code, said) for k, (p, code, said) in (BAD_SOUNDS | BAD_PAIRS).items()}
BAD |= {
    f"{k} to check": (("check", "s/dry.wav", p), code, said) for k, (p, code, said) in (BAD_SOUNDS | BAD_PAIRS).items()
}
BAD |= {
    f"{k} to render": (("render", p, "s/good.json", "-o", "out.wav"), code, said)
    for k, (p, code, said) in BAD_SOUNDS.items()
}


@pytest.mark.parametrize(("arguments", "code", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_a_code_and_a_remedy(here, arguments, code, said):
    refused(arguments, code, said)
    assert [p.name for p in here.iterdir()] in (["s"], ["s", "run"], ["run", "s"])
    assert not (here / "out.wav").exists()


def test_without_alignment_anything_can_be_fitted():
    shown = cli_json(*a_fit("--no-align", "-n", 2, reference="s/other.wav"))
    assert (shown["latency_samples"], shown["polarity"]) == (0.0, 1)


USAGE = {
    "nothing": (),
    "unknown verb": ("fitt",),
    "unknown option": ("blocks", "--jsn"),
    "no chain": ("fit", "s/dry.wav", "s/wet.wav"),
    "no reference": ("fit", "s/dry.wav", "--chain", "gain"),
    "no budget": a_fit("-n", 0),
    "seed below": a_fit("--seed", -1),
    "seed beyond": a_fit("--seed", 10**30),
    "seed a text": a_fit("--seed", "x"),
    "no output": ("render", "s/dry.wav", "s/good.json"),
    "clip mode": (*a_preset("good"), "--clip-mode", "hard"),
    "tail below": (*a_preset("good"), "--tail", -1),
    "tail without end": (*a_preset("good"), "--tail", "inf"),
    "tail that is none": (*a_preset("good"), "--tail", "nan"),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage_ends_with_two_and_no_traceback(here, arguments):
    result = cli(*arguments)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "Usage" in result.output
    assert [p.name for p in here.iterdir()] == ["s"]
