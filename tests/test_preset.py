"""Presets: what is saved plays the same again anywhere, and no file, however made, does more than be refused."""

import json
import time

import numpy as np
import pytest
from helpers import SR, plucks, strict_json
from hypothesis import given
from hypothesis import strategies as st

import ddsp_lab as dl
from ddsp_lab import Preset
from ddsp_lab._errors import DdspLabError, PresetError
from ddsp_lab._preset import MAX_BYTES, MAX_DEPTH

CHAIN = dl.parse("pre=parametric_eq(bands=2) >> (0.7 * soft_clip - gain)")
PLAIN = {"format": 1, "chain": "gain", "sample_rate": 44100, "values": {"gain_db": 1.0}, "fit": {}}
TEXT = json.dumps(PLAIN)


def values(seed=0):
    import jax

    return dl.Space(CHAIN).sample(jax.random.key(seed))


def refused(data, code, said="", limit_s=5.0):
    began = time.process_time()
    with pytest.raises(PresetError) as caught:
        Preset.parse(data if isinstance(data, bytes) else data.encode(), "it.json")
    assert caught.value.code == code
    assert said in f"{caught.value.message} {caught.value.remedy}"
    assert "it.json" in caught.value.message
    assert caught.value.remedy
    assert len(caught.value.message) < 1000
    assert time.process_time() - began < limit_s


@pytest.mark.parametrize("seed", range(3))
def test_what_is_saved_is_loaded_again(tmp_path, seed):
    preset = Preset.of(CHAIN, values(seed), SR, {"loss": 0.25, "at_bound": ["pre.q[0]"], "held_out": None})
    preset.save(tmp_path / "p.json")
    again = Preset.load(tmp_path / "p.json")
    assert again == preset
    assert again.block == CHAIN
    assert again.text() == preset.text() == (tmp_path / "p.json").read_text()


def test_what_is_loaded_plays_bit_for_bit_the_same(tmp_path):
    x = plucks(channels=2)
    preset = Preset.of(CHAIN, values(), SR)
    preset.save(tmp_path / "p.json")
    played = Preset.load(tmp_path / "p.json").render(x, SR)
    np.testing.assert_array_equal(played, preset.render(x, SR))
    np.testing.assert_array_equal(played, dl.render(CHAIN, values(), x, SR))


def test_numbers_are_the_shortest_that_mean_the_same_float():
    preset = Preset.of(dl.parse("gain"), {"gain_db": np.float32(0.1)}, SR)
    assert preset.values == {"gain_db": 0.1}


def test_a_preset_plays_alike_at_another_sample_rate():
    chain = dl.parse("parametric_eq(bands=1) >> delay")
    preset = Preset.of(
        chain,
        {
            "parametric_eq": {"cutoff_hz": [900.0], "gain_db": [12.0], "q": [2.0]},
            "delay": {"time_ms": 25.0, "feedback": 0.0, "mix": 0.3},
        },
        16_000,
    )
    levels, echoes = {}, {}
    for sr in (16_000, 48_000):
        t = np.arange(sr) / sr
        x = np.stack([t == 0.0, *(np.sin(2 * np.pi * f * t) for f in (300.0, 900.0, 2000.0))]).astype(np.float32)
        y = preset.render(x, sr)
        levels[sr] = np.sqrt(np.mean(y[1:, sr // 2 :] ** 2, axis=1))
        echoes[sr] = 0.02 + np.argmax(np.abs(y[0, sr // 50 :])) / sr
    np.testing.assert_allclose(levels[48_000], levels[16_000], rtol=0.02)
    assert list(echoes.values()) == pytest.approx([0.025, 0.025], abs=2e-4)


def test_what_varies_from_run_to_run_stands_under_fit_only():
    one, other = (json.loads(Preset.of(CHAIN, values(), SR, {"seconds": s, "seed": s}).text()) for s in (1, 2))
    assert one.pop("fit") != other.pop("fit")
    assert one == other
    assert list(one) == ["format", "chain", "sample_rate", "values"]


def test_values_left_out_are_those_the_chain_starts_with():
    preset = Preset.of(dl.parse("gain(gain_db=-6) >> delay"), {"delay": {"mix": 0.25}}, SR)
    assert preset.flat == {"gain.gain_db": -6.0, "delay.time_ms": 250.0, "delay.feedback": 0.3, "delay.mix": 0.25}


def test_saving_replaces_the_file_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "p.json"
    Preset.of(dl.parse("gain"), {}, SR).save(path)
    before = path.read_text()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(PresetError) as caught:
        Preset.of(dl.parse("delay"), {}, SR).save(path)
    assert caught.value.code == "preset-unwritable"
    assert "No space left" in caught.value.message
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p.json"]


@pytest.mark.parametrize("junk", [float("nan"), float("inf"), {"a": object()}, "\ud800"])
def test_what_json_cannot_say_is_not_saved(tmp_path, junk):
    with pytest.raises(DdspLabError) as caught:
        Preset.of(dl.parse("gain"), {}, SR, {"x": junk}).save(tmp_path / "p.json")
    assert caught.value.code == "preset-field"
    assert list(tmp_path.iterdir()) == []


def changed(**fields):
    return json.dumps(PLAIN | fields)


FIELDS = {
    "unknown": (changed(gain=1), "preset-field", "`gain`"),
    "unknown, not even text": (TEXT[:-1] + ', "\\ud800": 1}', "preset-json", "surrogates"),
    "missing": (json.dumps({"format": 1, "chain": "gain", "sample_rate": 44100}), "preset-field", "`values`"),
    "not an object": ("[]", "preset-field", "`object`"),
    "a number": ("3", "preset-field", "`object`"),
    "newer": (changed(format=2), "preset-format", "Update ddsp_lab"),
    "much newer": (changed(format=10**4000), "preset-format", "Update ddsp_lab"),
    "format of nothing": (changed(format=0), "preset-field", "no format 0"),
    "format below": (changed(format=-1), "preset-field", "no format -1"),
    "format true": (changed(format=True), "preset-field", "$.format"),
    "format text": (changed(format="1"), "preset-field", "$.format"),
    "rate of nothing": (changed(sample_rate=0), "audio-rate", "1000 to 768000"),
    "rate a text": (changed(sample_rate="44100"), "preset-field", "$.sample_rate"),
    "rate true": (changed(sample_rate=True), "preset-field", "$.sample_rate"),
    "rate a fraction": (changed(sample_rate=44100.5), "preset-field", "$.sample_rate"),
    "rate beyond": (changed(sample_rate=10**4000), "audio-rate", "1000 to 768000"),
    "fit a list": (changed(fit=[]), "preset-field", "$.fit"),
    "values a list": (changed(values=[1]), "preset-field", "$.values"),
    "chain a number": (changed(chain=3), "preset-field", "$.chain"),
    "chain of nothing": (changed(chain=""), "expression-syntax", "found the end"),
    "chain unknown": (changed(chain="gian"), "unknown-name", "Did you mean 'gain'?"),
    "chain a path": (changed(chain="../../etc/passwd"), "expression-syntax", "column 1"),
    "chain absolute": (changed(chain="/etc/passwd"), "expression-syntax", "'/'"),
    "chain of code": (changed(chain="__import__('os').system('id')"), "unknown-name", "__import__"),
    "chain too long": (changed(chain="gain" + " >> gain" * 9000), "expression-size", "20000"),
    "chain too deep": (changed(chain="(" * 9000), "expression-size", "nested"),
    "setting out of range": (changed(chain="parametric_eq(bands=99)"), "bad-setting", "<= 32"),
    "another chain": (changed(chain="delay"), "unknown-parameter", "'gain_db'"),
    "too few values": (changed(chain="delay", values={"mix": 0.1}), "preset-field", "feedback"),
}
VALUES = {
    "a path": ("../../etc/passwd", "preset-field", "not a number"),
    "a number as text": ("1", "preset-field", "not a number"),
    "null": (None, "preset-field", "not a number"),
    "true": (True, "preset-field", "not a number"),
    "a row": ([1.0, 2.0], "parameter-shape", "one number"),
    "a long row": ([1] * 200_000, "parameter-shape", "one number"),
    "no row": ([], "parameter-shape", "one number"),
    "rows in rows": ([[1.0]], "preset-field", "nests lists"),
    "a deeper path": ({"x": 1.0}, "unknown-parameter", "Did you mean 'gain_db'?"),
    "nothing": ({}, "preset-field", "'gain_db'"),
    "out of bounds": (24.5, "parameter-bounds", "-60 to 24 dB"),
    "beyond every float": (10**4000, "parameter-bounds", "-60 to 24 dB"),
}
NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "0x10", "1_0", "01", ".5", "+1"]


@pytest.mark.parametrize(("text", "code", "said"), FIELDS.values(), ids=FIELDS)
def test_fields_that_are_wrong_are_refused(text, code, said):
    refused(text, code, said)


@pytest.mark.parametrize(("value", "code", "said"), VALUES.values(), ids=VALUES)
def test_values_that_are_wrong_are_refused(value, code, said):
    refused(changed(values={"gain_db": value}), code, said)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("where", ['"gain_db": 1.0', '"fit": {'])
def test_numbers_that_are_none_are_refused_wherever_they_stand(number, where):
    filled = TEXT.replace(where, f'"gain_db": {number}' if "gain" in where else f'"fit": {{"x": {number}')
    assert number in filled
    refused(filled, "preset-json")


TWICE = {
    "format": TEXT.replace('"format": 1', '"format": 1, "format": 1'),
    "chain": TEXT[:-1] + ', "chain": "delay"}',
    "a value": TEXT.replace('"gain_db": 1.0', '"gain_db": 1.0, "gain_db": 2.0'),
    "by another spelling": TEXT.replace('"gain_db": 1.0', '"gain_db": 1.0, "gain\\u005fdb": 2.0'),
    "under fit": TEXT.replace('"fit": {', '"fit": {"a": 1, "a": 2'),
    "among many": "{" + ",".join(f'"{i % 60000}":0' for i in range(90000)) + "}",
}


@pytest.mark.parametrize("text", TWICE.values(), ids=TWICE)
def test_a_key_that_stands_twice_is_refused(text):
    refused(text, "preset-json", "stands twice")


def test_a_value_given_nested_and_by_path_is_refused():
    nested = {"gain": {"gain_db": 1.0}, "gain_2": {"gain_db": 1.0}}
    Preset.parse(changed(chain="gain >> gain", values=nested).encode())
    refused(changed(chain="gain >> gain", values=nested | {"gain.gain_db": 2.0}), "preset-field", "'gain.gain_db'")


LONG_ROW = Preset.of(dl.effects.Convolution.from_taps(np.linspace(-0.5, 0.4, 5000)), {}, 8000).text()


def test_a_long_row_is_packed_and_comes_back_exactly():
    """Regression: presets of a thousand taps and more could be written but not read, for the chain's text held them."""
    assert len(LONG_ROW) < 30_000
    preset = Preset.parse(LONG_ROW.encode())
    assert preset.text() == LONG_ROW
    np.testing.assert_array_equal(np.float32(preset.values["taps"]), np.float32(np.linspace(-0.5, 0.4, 5000)))
    labelled = dl.parse("0.5*room=convolution(3, taps=[1, 0, 0.5]) + 0.5*gain(gain_db=-3)")
    preset = Preset.of(labelled, {}, 8000)
    assert preset.chain == "0.5*room=convolution(length=3) + 0.5*gain(gain_db=-3)".replace("*", " * ")
    assert preset.values["room"]["taps"] == [1.0, 0.0, 0.5]


@pytest.mark.parametrize("packed", ["float32:", "float32:AAAA", "float32:?", "float32:AADAfw==", "float64:AAAAAA=="])
def test_a_damaged_row_is_refused(packed):
    begin = LONG_ROW.index("float32:")
    text = LONG_ROW[:begin] + packed + LONG_ROW[LONG_ROW.index('"', begin) :]
    with pytest.raises(PresetError):
        Preset.parse(text.encode())


DEEP = {
    "lists": "[" * 100_000 + "]" * 100_000,
    "lists without an end": "[" * 100_000,
    "objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "under fit": TEXT.replace('"fit": {', '"fit": {"a":' + "[" * 100_000 + "]" * 100_000),
    "after a quote within a text": TEXT.replace("gain", '\\"' + "[" * 50, 1).replace(
        '"fit": {', '"fit": ' + "[" * 99_999
    ),
    "just over": "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_nesting_is_refused_at_once(text):
    refused(text, "preset-limits", f"deeper than {MAX_DEPTH}", limit_s=1.0)


def test_brackets_within_texts_are_no_nesting():
    preset = Preset.parse(changed(fit={"note": "[" * 100 + '\\"{' * 100}).encode())
    assert preset.fit["note"].startswith("[[")


def test_a_preset_nests_to_the_limit_and_grows_to_it():
    deep = {"a": 1}
    for _ in range(MAX_DEPTH - 2):
        deep = {"a": deep}
    assert Preset.parse(changed(fit=deep).encode()).fit == deep
    refused(changed(fit={"a": deep}), "preset-limits")
    assert Preset.parse(TEXT.encode() + b" " * (MAX_BYTES - len(TEXT))).chain == "gain"
    refused(TEXT.encode() + b" " * (MAX_BYTES - len(TEXT) + 1), "preset-limits")


BYTES = {
    "empty": b"",
    "spaces": b"   ",
    "zeros": bytes(100),
    "latin-1": TEXT.replace("fit", "fät").encode("latin-1"),
    "utf-16": TEXT.encode("utf-16"),
    "utf-16 without a mark": TEXT.encode("utf-16-le"),
    "utf-32": TEXT.encode("utf-32"),
    "utf-16 that hides nesting": ('["\u0122",' + "[" * 200_000).encode("utf-16-le"),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "cut": TEXT[:-20].encode(),
    "two": (TEXT + TEXT).encode(),
    "a comment": b"// mine\n" + TEXT.encode(),
    "python": repr(PLAIN).encode(),
}


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_what_is_not_json_in_utf_8_is_refused(data):
    refused(data, "preset-json")


def test_the_mark_that_some_editors_leave_is_no_harm():
    assert Preset.parse(b"\xef\xbb\xbf" + TEXT.encode()) == Preset.parse(TEXT.encode())


@pytest.mark.parametrize("name", [".", "not there.json", "nul\0.json"])
def test_what_cannot_be_opened_is_refused(tmp_path, name):
    with pytest.raises(PresetError) as caught:
        Preset.load(f"{tmp_path}/{name}")
    assert caught.value.code == "preset-json"
    assert "cannot be read" in caught.value.message


def test_a_file_without_an_end_is_refused():
    with pytest.raises(PresetError) as caught:
        Preset.load("/dev/zero")
    assert caught.value.code == "preset-limits"


@given(st.data())
def test_a_preset_with_a_few_bytes_changed_is_read_or_refused(data):
    mangled = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        mangled[data.draw(st.integers(0, len(mangled) - 1))] = data.draw(st.integers(0, 255))
    try:
        preset = Preset.parse(bytes(mangled))
    except PresetError:
        return
    strict_json(preset.text())
