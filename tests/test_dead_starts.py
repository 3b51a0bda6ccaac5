"""A fit that starts in silence, where short-time spectra have no slope, leaves it or says why it cannot."""

import numpy as np
import pytest
from blocks import MEMBERS
from helpers import SR, plucks

import ddsp_lab as dl
from ddsp_lab import DdspLabError

FEW = ("gain", "delay", "compressor", "gate", "convolution")


def started_in_silence(name, optimizer):
    """A fit of a block whose weight starts at zero."""
    block = MEMBERS[name]
    dry = plucks(seconds=0.5, channels=2)
    dry = dry if block.channels_out(2) == 2 else dry[:1]
    reference = np.atleast_2d(dl.render(block, {}, dry, SR))
    chain = 0.0 * block
    fit = dl.fit(chain, dry, reference, SR, "multi_resolution_stft(fft_sizes=[256])", optimizer, align=False)
    assert "fit-dead-start" in dict(fit.notes)
    assert np.abs(fit.render(dry, SR)).max() > 1e-3
    assert fit.metrics["loss"] < 0.8 * fit.metrics["loss_start"]


@pytest.mark.parametrize("optimizer", ["adam(steps=20)", "adam(steps=20, starts=3)", "lbfgs"])
def test_every_gradient_optimizer_leaves_silence(optimizer):
    started_in_silence("gain", optimizer)


@pytest.mark.parametrize("name", FEW)
def test_a_block_leaves_silence(name):
    started_in_silence(name, "adam(steps=20)")


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(MEMBERS.keys() - set(FEW)))
def test_any_block_leaves_silence(name):
    started_in_silence(name, "adam(steps=20)")


def test_the_default_fit_of_an_aligned_pair_leaves_silence_too():
    dry = plucks(seconds=0.5)
    fit = dl.fit("0 * low_pass", dry, dl.render(dl.parse("low_pass"), {}, dry, SR), SR)
    assert fit.metrics["loss"] < 1e-6


def test_a_fit_that_nothing_can_move_stops_at_once_with_the_reason():
    dry = plucks(seconds=0.5)
    with pytest.raises(DdspLabError) as error:
        dl.fit(
            "0 * (0 * gain) >> gain", dry, dry, SR, "multi_resolution_stft", "adam", align=False, frozen=["parallel"]
        )
    assert error.value.code == "fit-dead-start"
