"""What else a recording may have been played by."""

import numpy as np
import pytest
from helpers import SR

import ddsp_lab as dl
from ddsp_lab._block import Context
from ddsp_lab._readings import readings
from ddsp_lab.dsp.midi_pitch import hz
from ddsp_lab.dsp.modulated_tone import modulated_tones
from ddsp_lab.dsp.stiff_tone import stiff_pitch
from ddsp_lab.dsp.transcribe import transcribe
from ddsp_lab.dsp.vibrato_fit import combs

PLAYED = dl.note(55.0, 1.0, 1.0, 1.5)


def pitches_read(chain, values, played=PLAYED):
    y = np.asarray(dl.render(dl.parse(chain), values, played, SR))[0]
    return [reading.pitch for reading in readings(transcribe(y, SR), y, SR)]


@pytest.mark.parametrize("inharmonicity", [1e-5, 3e-4, 2e-3])
def test_a_stiff_string_has_the_pitch_of_its_unstretched_fundamental(inharmonicity):
    values = {"inharmonicity": inharmonicity, "tilt_db": -3.0, "sustain": 1.0}
    y = np.asarray(dl.render(dl.parse("additive"), values, PLAYED, SR))[0]
    f0, stiffness = stiff_pitch(y, SR, 1.01 * float(hz(55.0)))
    assert abs(1200.0 * np.log2(f0 / hz(55.0))) < 1.0
    assert stiffness == pytest.approx(inharmonicity, rel=0.1, abs=2e-5)


def test_a_tone_with_a_faint_fundamental_is_read_at_its_subharmonics_too():
    gains = np.array([-48.0, -48.0, 24.0, *[-30.0] * 9])  # its third partial is heard
    read = pitches_read("additive", {"gain_db": gains, "tilt_db": -3.0, "sustain": 1.0})
    assert any(len(pitch) == 1 and abs(pitch[0] - 55.0) < 0.02 for pitch in read)


def test_a_clear_tone_is_read_in_one_way():
    assert all(len(p) == 1 and abs(p[0] - 55.0) < 0.05 for p in pitches_read("oscillator", {"sustain": 1.0}))


def test_a_line_stays_a_line():
    line = dl.notes([(0.0, 0.3, 50.0, 1.0), (0.5, 0.3, 57.0, 1.0)], 1.0)
    read = pitches_read("oscillator", {"release_ms": 20.0}, line)
    assert len(read) == 1
    np.testing.assert_allclose(read[0], [50.0, 57.0], atol=0.05)


SWINGING = {
    "osc2_tune_st": 7.3,
    "osc_mix": 0.3,
    "vibrato_st": 0.6,
    "lfo_rate_hz": 3.7,
    "sustain": 1.0,
    "cutoff_hz": 900.0,
}


def test_a_tone_under_noise_is_read_where_its_vibrato_begins_and_not_where_that_swings_to():
    read = pitches_read("subtractive", SWINGING | {"noise": 0.8})
    assert any(len(pitch) == 1 and abs(pitch[0] - 55.0) < 0.02 for pitch in read)


def test_two_oscillators_under_noise_and_a_vibrato_are_told_from_one_another():
    y = np.asarray(dl.render(dl.parse("subtractive"), SWINGING | {"noise": 0.3}, PLAYED, SR))
    guess = dl.parse("subtractive").estimate(PLAYED, y, Context(SR))[0]
    told = {k: float(guess[k]) for k in ("osc2_tune_st", "vibrato_st", "lfo_rate_hz")}
    assert told == pytest.approx({k: SWINGING[k] for k in told}, rel=0.03)
    assert guess["noise"] == pytest.approx(0.3, rel=0.7)


def test_noise_alone_is_no_clear_tone():
    noise = np.random.default_rng(0).standard_normal(SR // 2)
    tones = combs(noise, SR)
    assert tones is not None
    assert max(tones.clear) < 5.0


def test_a_modulated_tone_is_read_where_its_carrier_is_in_reach():
    """Its sidebands were a sure pitch of 185 Hz, of which the carrier is nine times, and eight is the most."""
    values = {"carrier_ratio": 4.2, "ratio": 740.0 / 1664.0, "index": 1.2, "index_sustain": 0.9}
    carrier_hz = 4.2 * float(hz(67.37))
    y = np.asarray(dl.render(dl.parse("fm"), values, dl.notes([(0.05, 0.8, 67.37, 1.0)], 1.5), SR))[0]
    heard = transcribe(y, SR)

    def in_reach(several):
        return any(0.25 < carrier_hz / hz(float(reading.pitch[0])) < 8.0 for reading in several)

    assert in_reach(readings(heard, y, SR, [dl.parse("fm")]))
    assert not in_reach(readings(heard, y, SR))


def test_no_carrier_is_looked_for_above_the_band_nor_a_note_where_none_can_be_played():
    """It may be seven modulators of 15 kHz higher, of which a reading was made that is no note."""
    values = {"carrier_ratio": 6.4, "ratio": 12.4, "index": 1.5, "index_sustain": 0.8, "feedback": 0.0}
    y = np.asarray(dl.render(dl.parse("fm"), values, PLAYED, SR))[0]
    assert max(tone.carrier_hz for tone in modulated_tones(y, SR)) < 0.5 * SR

    class High(type(dl.parse("fm"))):
        def plays_hz(self, x, sr):
            return [74_400.0]

    assert max(reading.pitch.max() for reading in readings(transcribe(y, SR), y, SR, [High()])) < 148.0
