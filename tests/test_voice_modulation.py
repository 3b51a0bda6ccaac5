"""Modulators of synths: every note has its own, on top of what the laws of synths say."""

import numpy as np
import pytest
import test_synth_laws as laws

import ddsp_lab as dl
from ddsp_lab import note, notes, parse, render
from ddsp_lab._errors import ExpressionError
from ddsp_lab.dsp import envelopes

SR = 8000
HELD = "shape=0, attack_ms=0.5, sustain=1, velocity_sensitivity=0"
EVERY = (
    "modulate(modulate(modulate(modulate(modulate(oscillator, target='tune_st', source='note_lfo'),"
    " target='oscillator.width', source='adsr'),"
    " target='modulate.oscillator.shape', source='segments', knots=3), target='modulate.modulate.oscillator.level_db',"
    " source='key'), target='modulate.modulate.modulate.oscillator.sustain', source='velocity')"
)


def test_the_laws_of_synths_hold_for_every_source(monkeypatch):
    block = parse(EVERY)
    laws.test_no_parameter_is_dead(block)
    laws.test_gradients_are_finite_everywhere(block)
    laws.test_notes_add_up(block)
    laws.test_a_population_is_a_loop(block)
    laws.test_pieces_are_the_whole(block, monkeypatch)
    laws.test_a_preset_gives_the_same_audio(block)
    laws.test_its_text_reads_back(block)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "modulate(oscillator, target='width', source='envelope')",
            "around a synth. Choose from lfo, curve, note",
        ),
        ("modulate(gain, target='gain_db', source='adsr')", "without notes"),
        ("modulate(oscillator >> gain, target='gain.gain_db', source='key')", "around the synth itself"),
        ("modulate(oscillator + kick, target='kick.level_db')", "around the synth itself"),
        ("modulate(oscillator, target='attack_ms')", "cannot move 'attack_ms'"),
        ("modulate(modal, target='ratio', source='key')", "cannot move 'ratio'"),
    ],
)
def test_what_cannot_be_modulated_is_refused(text, said):
    with pytest.raises(ExpressionError, match="bad-setting") as error:
        parse(text)
    assert said in str(error.value)


def twice(text):
    """The same note after half a second again: what each sounds like."""
    played = notes([(0.1, 0.3, 57.0, 0.8), (0.6, 0.3, 57.0, 0.8)], 1.1)
    y = render(parse(text), {}, played, SR)[0]
    return y[800:4800], y[4800:]


def test_an_oscillator_goes_on_or_begins_anew_with_each_note():
    free = f"modulate(oscillator({HELD}), target='tune_st', rate_hz=3.1, depth=0.2)"
    one, other = twice(free)
    assert np.abs(one - other).max() > 0.1
    one, other = twice(free.replace("rate_hz", "source='note_lfo', rate_hz"))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_free_oscillator_is_that_of_the_recording():
    text = f"modulate(oscillator({HELD}), target='level_db', rate_hz=3.1, depth=0.1)"
    plain = render(parse(f"oscillator({HELD})"), {}, note(57.0, 0.6), SR)[0]
    y = render(parse(text), {}, note(57.0, 0.6), SR)[0]
    gain_db = 0.1 * 60.0 * np.sin(2.0 * np.pi * 3.1 * np.arange(y.size) / SR)
    np.testing.assert_allclose(y, plain * 10.0 ** (np.minimum(gain_db, 12.0) / 20.0), atol=1e-4)


def test_segments_pass_through_their_levels_and_leave_with_the_note():
    text = (
        f"modulate(oscillator({HELD}, release_ms=2000), target='level_db', source='segments', knots=3,"
        " time_ms=[100, 50, 200], level=[-0.2, -0.1, -0.4], bend=[0, 3, 0])"
    )
    plain = render(parse(f"oscillator({HELD}, release_ms=2000)"), {}, note(69.0, 0.4), SR)[0]
    y = render(parse(text), {}, note(69.0, 0.4), SR)[0]
    t = np.float32(np.arange(y.size) / SR)
    held = envelopes.segments(np.minimum(t, 0.4), (0.1, 0.05), (0.0, -0.2, -0.1), (0.0, 3.0))
    level = held + (-0.4 - held) * np.clip((t - 0.4) / 0.2, 0.0, 1.0)
    np.testing.assert_allclose(y, plain * 10.0 ** (60.0 * level / 20.0), atol=2e-3)


def test_velocity_and_key_turn_any_number():
    """A note as hard or as high sounds as with the parameter at that place."""
    for source, played, by in (("velocity", note(57.0, 0.3, 0.5), 0.5), ("key", note(72.0, 0.3, 0.5), 1.0)):
        y = render(parse(f"modulate(oscillator, target='attack_ms', source='{source}', depth=0.4)"), {}, played, SR)
        moved = 5.0 * (2000.0 / 0.5) ** (0.4 * by)
        np.testing.assert_allclose(y, render(parse("oscillator"), {"attack_ms": moved}, played, SR), atol=1e-4)


def test_a_hidden_depth_is_found():
    chain = parse("modulate(oscillator(shape=3), target='width', source='adsr', attack_ms=60, depth=0.1)")
    played = notes([(0.0, 0.2, 45.0, 0.8), (0.3, 0.2, 48.0, 0.8)], 0.6)
    wet = render(chain, {"depth": 0.35}, played, SR)
    frozen = ["oscillator", "attack_ms", "decay_ms", "release_ms", "sustain"]
    result = dl.fit(chain, played, wet, SR, target="esr", optimizer="levenberg_marquardt", frozen=frozen)
    assert result.values["depth"] == pytest.approx(0.35, abs=1e-3)
