"""The very wave of a note: found where the chain made it, not found where it did not."""

import json

import jax
import numpy as np
import pytest
from helpers import SR

import ddsp_lab as dl
from ddsp_lab import Context, Space
from ddsp_lab._families import least, question
from ddsp_lab._first_wave import belonging, crossed, laid_over, redrawn, varied
from ddsp_lab._in_phase import in_phase
from ddsp_lab._listening import unmuted
from ddsp_lab._match import TARGET
from ddsp_lab._param import to_values
from ddsp_lab._parse import parse_target

HIDDEN = {"shape": 2.6, "width": 0.3, "attack_ms": 30.0, "decay_ms": 150.0, "sustain": 0.4, "release_ms": 80.0}
PLAYED = dl.notes([(0.05, 0.25, 57.2, 0.8)], 0.5)
CHAIN = dl.parse("oscillator")
FROZEN = ("tune_st", "velocity_sensitivity")


@pytest.fixture(scope="module")
def wave():
    return np.asarray(dl.render(CHAIN, HIDDEN, PLAYED, SR))


def beside(higher_st=0.03, later_s=3e-4, **values):
    """A guess that is a little off."""
    line = dl.notes([(0.05 + later_s, 0.3, 57.2 + higher_st, 0.8)], 0.5)
    return [(line, Space(CHAIN).complete(HIDDEN | {"shape": 2.3, "width": 0.4, "attack_ms": 20.0} | values))]


def test_a_match_tells_pitch_and_onset_by_the_wave_and_is_the_same_when_it_goes_on(wave, tmp_path, monkeypatch):
    result = dl.match(wave, SR, "oscillator", folder=tmp_path)
    cents = 100.0 * (result.played.pitch[0] + result.preset.values["tune_st"] - 57.2)
    assert abs(cents) < 0.01
    assert abs(result.played.onset_s[0] - 0.05) < 1e-6
    assert result.preset.values["shape"] == pytest.approx(HIDDEN["shape"], abs=0.01)
    assert result.metrics["mrstft"] < 0.1
    assert result.confidence[0] > 0.999
    assert "energy is left beside it" in dict(result.notes)["match-in-phase"]
    monkeypatch.setattr("ddsp_lab._match.Listening", None)  # what was found is kept, and not found again
    again = dl.match(wave, SR, "oscillator", folder=tmp_path)
    assert again.preset.values == result.preset.values
    assert again.notes == result.notes
    assert json.loads((tmp_path / "start.json").read_text())["rows"] == result.played.rows()


def test_a_guess_is_led_to_the_wave_whatever_notes_are_given(wave):
    found, spent = in_phase(CHAIN, beside(), wave, SR, FROZEN, given=False)
    assert found.left < 1e-6
    assert spent > 0
    assert found.line.pitch[0] == pytest.approx(57.2, abs=1e-4)
    exact = [(PLAYED, beside()[0][1])]
    given, _ = in_phase(CHAIN, exact, wave, SR, FROZEN, given=True)
    assert given.left < 1e-6
    assert given.line.pitch[0] == PLAYED.pitch[0]
    assert given.line.onset_s[0] == pytest.approx(PLAYED.onset_s[0], abs=1e-12)


def test_what_is_random_in_a_drum_is_muted_until_its_wave_is_found():
    chain, hidden = dl.parse("kick"), {"tune_hz": 62.0, "sweep_st": 20.0, "click": 0.4}
    line = dl.notes([(0.0, 0.5, 60.0, 1.0)], 0.5)
    hit = np.asarray(chain.apply(to_values(Space(chain).complete(hidden)), line, Context(SR, key=jax.random.key(3))))
    guess = Space(chain).complete(hidden | {"tune_hz": 60.0, "decay_s": 0.7})
    found, _ = in_phase(chain, [(line, guess)], hit, SR, ("velocity_sensitivity",), given=False)
    assert found.values["tune_hz"] == pytest.approx(62.0, rel=1e-3)
    assert found.values["click"] == pytest.approx(0.4)
    assert found.line.pitch[0] == 60.0


def test_the_noise_of_a_recorder_is_none_where_it_is_muted():
    hiss = dl.parse("hiss")
    muted = {q.name: q.low for q in hiss.params if q.name in hiss.noise}
    assert np.abs(dl.render(hiss, muted, np.zeros(SR), SR)).max() < 1e-5
    assert np.abs(dl.render(hiss, {}, np.zeros(SR), SR)).max() > 1e-5


def test_nothing_is_found_where_there_is_nothing_or_no_budget(wave):
    noise = 0.1 * np.random.default_rng(0).standard_normal(wave.shape).astype(np.float32)
    assert in_phase(CHAIN, beside(), noise, SR, FROZEN, given=False)[0] is None
    assert in_phase(CHAIN, beside(), wave, SR, FROZEN, given=False, budget=20) == (None, 0)
    silent = np.where(np.arange(wave.shape[1]) < 0.4 * SR, 0.0, wave)
    assert in_phase(CHAIN, beside(), silent, SR, FROZEN, given=False) == (None, 0)
    late = [(dl.notes([(0.499, 0.1, 57.2, 0.8)], 0.5), Space(CHAIN).complete({}))]
    assert in_phase(CHAIN, late, wave[:, : SR // 2], SR, FROZEN, given=False)[0] is None
    clap = dl.parse("clap")
    assert in_phase(clap, [(PLAYED, Space(clap).complete({}))], wave, SR, (), given=False) == (None, 0)


def test_guesses_are_laid_where_they_are_most_like_the_recording(wave):
    laid = laid_over(CHAIN, beside(later_s=0.001, higher_st=0.0), wave[0], 0.03, SR)
    assert laid[0].later_s == pytest.approx(-0.001, abs=2.0 / SR)
    assert [one.like for one in laid] == sorted((one.like for one in laid), reverse=True)


def test_draws_leave_alone_what_stands_still():
    u, still = np.full(6, 0.5), np.arange(6) < 2
    together = belonging(
        ["later_ms", "higher_st", "chain.gain_db[0]", "chain.gain_db[1]", "chain.osc_mix", "chain.osc_hz"]
    )
    assert together.tolist() == [[False] * 4 + [True] * 2]
    anew = redrawn(np.random.default_rng(0), u, still, together)
    assert sorted(set((anew != u).sum(axis=1).tolist())) == [1, 2]
    assert (anew[:, :2] == 0.5).all()
    points = varied(np.random.default_rng(0), u, still)
    assert (points[0] == u).all()
    assert np.abs(points[:, :2] - 0.5).max() < 0.05
    assert np.abs(points[:, 2:] - 0.5).max() > 0.2
    others = np.random.default_rng(1).random((3, 6))
    taken = crossed(np.random.default_rng(0), u, still, others, together)
    assert (taken[:, :2] == 0.5).all()
    assert all(np.isin(column[column != 0.5], other).all() for column, other in zip(taken.T, others.T, strict=True))
    assert any((row[4:] == other[4:]).all() and (row[:4] == u[:4]).all() for row in taken for other in others)


def test_a_note_is_let_go_later_than_it_is_heard(wave):
    _, values = beside()[0]
    short = [(dl.notes([(0.05, 0.12, 57.2, 0.8)], 0.5), values)]
    found, _ = in_phase(CHAIN, short, wave, SR, FROZEN, given=False)
    assert found.left < 1e-6
    assert found.line.duration_s[0] * found.values["gate"] == pytest.approx(0.25, abs=1e-3)


def test_as_much_noise_is_played_as_the_recording_has():
    chain, line = dl.parse("snare"), dl.notes([(0.0, 0.5, 60.0, 1.0)], 0.5)
    space, goal = Space(chain), parse_target(TARGET)
    values = space.complete({"snappy": 0.4})
    hit = np.asarray(chain.apply(to_values(values), line, Context(SR, key=jax.random.key(3))))
    asked, silent = question(chain, line, hit, SR, goal, ()), values | {"snappy": 0.0}
    u, loss = unmuted(asked, space, silent)
    assert space.decode(u)["snappy"] == pytest.approx(0.4, abs=0.1)
    assert loss < least(asked, space.encode(silent)[None])
