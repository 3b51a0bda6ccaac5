"""Delays between noisy recordings: found whatever the shift, the polarity and the gain, and refused where there are
several. `benchmarks/alignment.py` has a thousand trials; `test_dsp.py` what processing does to it."""

import sys

import numpy as np
import pytest
from helpers import ROOT, wet

from ddsp_lab import DdspLabError
from ddsp_lab.audio import align
from ddsp_lab.dsp.relative_level import louder_by_db

sys.path.append(str(ROOT))  # the benchmarks are no part of what is installed
from benchmarks.alignment import SOUNDS, outcome, plucks

SR = 44_100


@pytest.mark.parametrize("sound", SOUNDS, ids=lambda sound: sound.__name__)
def test_alignment_withstands_noise_shifts_and_gains(sound):
    kind = SOUNDS.index(sound)
    assert [outcome(kind + len(SOUNDS) * i) for i in range(2)] == ["right"] * 2


@pytest.mark.nightly
def test_alignment_withstands_noise_shifts_and_gains_a_hundred_times():
    assert {i: said for i in range(100) if (said := outcome(i)) != "right"} == {}


STEADY = {
    "sine": np.sin(2 * np.pi * 100.0 * np.arange(3 * SR) / SR),
    "sawtooth": np.mod(110.25 * np.arange(3 * SR) / SR, 1.0) - 0.5,
    "clicks": np.where(np.arange(3 * SR) % (SR // 4) == 0, 1.0, 0.0),
    "a loop": np.tile(np.random.default_rng(0).standard_normal(SR // 2) * np.exp(-np.arange(SR // 2) / 800.0), 6),
}


@pytest.mark.parametrize("x", STEADY.values(), ids=STEADY)
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_what_repeats_itself_has_no_one_delay(x, noise):
    y = np.pad(x, (533, 0))[: x.size] + noise * np.std(x) * np.random.default_rng(1).standard_normal(x.size)
    with pytest.raises(DdspLabError) as error:
        align(x[None], y[None], SR)
    assert error.value.code == "align-ambiguous"


def test_noise_of_its_own_does_not_make_a_reference_louder():
    rng = np.random.default_rng(0)
    x = plucks(rng, np.arange(6 * SR) / SR)[None]
    noisy = 0.5 * x + 0.3 * 0.5 * np.std(x) * rng.standard_normal(x.shape)
    assert align(x, noisy, SR).gain_db == pytest.approx(-6.02, abs=0.05)
    assert 10.0 * np.log10(np.mean(noisy**2) / np.mean(x**2)) > -5.8


@pytest.mark.parametrize("chain", ["chorus(mix=1)", "gain >> hard_clip(drive_db=30)"])
def test_what_a_device_adds_is_no_noise(chain):
    x = plucks(np.random.default_rng(1), np.arange(6 * SR) / SR)[None].astype(np.float32)
    y = wet(chain, 0.1 * x, SR)
    energies = 10.0 * np.log10(np.sum(y**2) / np.sum((0.1 * x) ** 2))
    assert louder_by_db(0.1 * x, y, SR) == pytest.approx(energies, abs=0.1)
