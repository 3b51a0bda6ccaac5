"""Notes, their files, and chains that begin with synths."""

import mido
import numpy as np
import pytest
from helpers import SR
from hypothesis import given
from hypothesis import strategies as st

import ddsp_lab as dl
from ddsp_lab._errors import DdspLabError, NotesError

LINE = [(0.0, 0.5, 60.25, 0.5), (0.3, 1.0, 64.0, 1.0), (1.0, 0.25, 71.9, 0.3)]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "notes-empty"),
        ([(0.0, 0.0, 60, 0.5)], "notes-range"),
        ([(-1.0, 0.5, 60, 0.5)], "notes-range"),
        ([(0.0, 0.5, 60, 1.5)], "notes-range"),
        ([(0.0, 0.5, 200, 0.5)], "notes-range"),
        ([(0.0, np.nan, 60, 0.5)], "notes-range"),
        ([(0.0, 0.5, 60)], "notes-shape"),
        ("abc", "notes-shape"),
        ([(0.0, 1.0, 60, 0.5)] * 129, "notes-voices"),
    ],
)
def test_what_are_no_notes_is_refused(rows, code):
    with pytest.raises(NotesError) as caught:
        dl.notes(rows)
    assert caught.value.code == code


def test_notes_one_after_the_other_are_as_many_as_one_likes():
    assert dl.notes([(i, 1.0, 60, 0.5) for i in range(300)]).count == 300


def test_a_note_above_half_the_rate_is_refused():
    with pytest.raises(NotesError, match="notes-nyquist"):
        dl.render(dl.parse("oscillator"), {}, dl.note(140), 8000)


@pytest.mark.parametrize(
    "text", ["gain >> oscillator", "oscillator + gain", "mix(oscillator)", "oversample(oscillator)"]
)
def test_synths_stand_first_and_beside_synths(text):
    with pytest.raises(DdspLabError, match="notes-needed"):
        dl.parse(text)


@pytest.mark.parametrize(("chain", "given"), [("oscillator", np.ones(SR)), ("gain", dl.note())])
def test_what_a_chain_takes_is_what_it_is_given(chain, given):
    with pytest.raises(NotesError, match="notes-needed"):
        dl.render(dl.parse(chain), {}, given, SR)


@given(
    st.lists(
        st.tuples(*(st.floats(0, 5), st.floats(0.01, 3), st.floats(1, 126), st.floats(0.01, 1))),
        min_size=1,
        max_size=15,
    )
)
def test_a_midi_file_gives_the_notes_back(rows):
    written = dl.notes(rows)
    path = FOLDER / "notes.mid"
    dl.write_midi(path, written)
    read = dl.read_midi(path)
    assert read.count == written.count
    for which, exact in (("onset_s", 1e-4), ("duration_s", 2e-4), ("pitch", 1e-3), ("velocity", 5e-3)):
        a, b = (sorted(zip(v.onset_s.round(3), getattr(v, which), strict=True)) for v in (written, read))
        np.testing.assert_allclose([x for _, x in a], [x for _, x in b], atol=exact)


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory):
    globals()["FOLDER"] = tmp_path_factory.mktemp("midi")


def test_tempo_changes_overlaps_and_notes_without_an_end_are_read(tmp_path):
    file = mido.MidiFile(ticks_per_beat=100)
    messages = [
        mido.Message("note_on", note=60, velocity=64, time=0),
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=0),
        mido.Message("note_on", note=62, velocity=64, time=100),
        mido.Message("note_off", note=60, time=100),
        mido.Message("control_change", time=100),
    ]
    file.tracks.append(mido.MidiTrack(messages))
    file.save(tmp_path / "a.mid")
    read = dl.read_midi(tmp_path / "a.mid")
    np.testing.assert_allclose(read.onset_s, [0.0, 1.0])
    np.testing.assert_allclose(read.duration_s, [2.0, 2.0])


@pytest.mark.parametrize("data", [b"", b"RIFF", b"MThd\0\0\0\6\0\1", b"MThd\0\0\0\6\0\1\0\1\0\0MTrk\0\0\0\1\xff"])
def test_a_broken_midi_file_is_an_error(tmp_path, data):
    path = tmp_path / "broken.mid"
    path.write_bytes(data)
    with pytest.raises(NotesError):
        dl.read_midi(path)


def test_a_chain_of_synths_and_effects_streams_as_it_is():
    """Long enough for several pieces, with effects that remember."""
    chain = dl.parse("(0.6 * a=oscillator + 0.4 * b=oscillator(unison=3)) >> low_pass >> delay")
    line = dl.notes([(0.31 * i, 0.4, 50 + i % 12, 0.7) for i in range(30)], 11.0)
    y = dl.render(chain, {}, line, SR)
    whole = np.asarray(chain.aligned(dl.Space(chain).decode(dl.Space(chain).start), line, dl.Context(SR)))
    assert y.shape == (1, 11 * SR)
    assert np.abs(y - whole).max() < 3e-3 * np.abs(whole).max()  # a float32 of seconds holds no place within a sample


def test_a_sound_source_and_effects_are_found_in_one_chain(tmp_path):
    chain = dl.parse("oscillator(shape=1.5) >> low_pass")
    line = dl.notes([(0.0, 0.3, 50, 0.8), (0.4, 0.3, 57, 0.6)], 0.9)
    hidden = {"oscillator": {"shape": 2.3, "release_ms": 40.0}, "low_pass": {"cutoff_hz": 900.0}}
    reference = dl.render(chain, hidden, line, SR)
    folder, tune = tmp_path / "run", ["oscillator.tune_st"]
    result = dl.fit(chain, line, reference, SR, target="esr", frozen=tune, folder=folder)
    assert "memetic" in dict(result.notes)["optimizer-chosen"]
    assert result.metrics["esr"] < 1e-6
    assert result.preset.values["low_pass"]["cutoff_hz"] == pytest.approx(900.0, rel=0.01)
    again = dl.Preset.load(folder / "preset.json").render(line, SR)
    np.testing.assert_allclose(again, result.sounds["fit"], atol=1e-4)


@pytest.mark.nightly
def test_several_lines_are_fitted_together():
    chain = dl.parse("oscillator")
    lines = [dl.notes([(0.0, 0.3, 50, 0.8)], 0.5), dl.notes([(0.0, 0.2, 60, 0.8), (0.25, 0.2, 64, 0.4)], 0.5)]
    references = [dl.render(chain, {"shape": 1.0, "attack_ms": 40.0}, line, SR) for line in lines]
    result = dl.fit(chain, lines, references, SR, "esr", frozen=["tune_st", "width"])
    assert result.metrics["esr"] < 1e-4


@pytest.mark.nightly
def test_without_anything_to_take_apart_an_alternating_search_still_ends():
    chain, line = dl.parse("oscillator >> low_pass"), dl.note(50, 0.2)
    reference = dl.render(chain, {"oscillator.shape": 1.2}, line, SR)
    result = dl.fit(chain, line, reference, SR, "esr", "alternating", budget=200)
    assert result.metrics["loss"] <= result.metrics["loss_start"]
