"""What else a recording may have been played by."""

import numpy as np
import pytest
from helpers import SR

import ddsp_lab as dl
from ddsp_lab._readings import readings
from ddsp_lab.dsp.midi_pitch import hz
from ddsp_lab.dsp.stiff_tone import stiff_pitch
from ddsp_lab.dsp.transcribe import transcribe

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
