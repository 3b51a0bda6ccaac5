"""Fits: hidden settings are found, what is resolved on the way is reported, and the result says what it is worth."""

import numpy as np
import pytest
from helpers import SR, plucks, wet
from scipy.signal import butter, sosfilt

import ddsp_lab as dl
from ddsp_lab import Block, Param, Space
from ddsp_lab._choice import FEW, chosen
from ddsp_lab._errors import DdspLabError
from ddsp_lab.dsp.transfer import shifted
from ddsp_lab.targets import Esr, embedding

DRY = plucks()
HALF = (0.5 * DRY).astype(np.float32)
POPULATIONS = [k for k, v in dl.Optimizer.registry.items() if not (v.needs_gradient or v.multi_objective)]


def raised(code, said, *arguments, **keywords):
    with pytest.raises(DdspLabError) as caught:
        dl.fit(*arguments, **keywords)
    assert caught.value.code == code
    assert said in f"{caught.value.message} {caught.value.remedy}"


def codes(result):
    """Of what was resolved about the recordings."""
    return [code for code, _ in result.notes if code != "optimizer-chosen"]


# --- what is found

HIDDEN = {
    "parametric_eq(bands=1)": {"cutoff_hz": [900.0], "gain_db": [9.0], "q": [2.0]},
    "compressor >> gain": {"compressor.threshold_db": -30.0, "compressor.ratio": 5.0, "gain.gain_db": -3.0},
    "0.5 * soft_clip(oversample=1) + delay": {
        "weights.soft_clip": -0.4,
        "weights.delay": 0.9,
        "soft_clip.drive_db": 25.0,
        "soft_clip.bias": 0.2,
        "delay.time_ms": 60.0,
        "delay.feedback": 0.5,
        "delay.mix": 0.6,
    },
}


@pytest.mark.parametrize(("chain", "hidden"), HIDDEN.items(), ids=HIDDEN)
def test_hidden_settings_are_found(chain, hidden):
    reference = wet(chain, DRY, **hidden)
    result = dl.fit(chain, DRY, reference, SR)
    assert result.metrics["esr_aligned"] <= 1e-7
    assert result.metrics["loss"] <= 1e-7 < 1e-3 < result.metrics["loss_start"]
    unseen = plucks(seed=9)
    np.testing.assert_allclose(result.render(unseen, SR), wet(chain, unseen, **hidden), atol=1e-3)
    if "compressor" not in chain:  # whose makeup gain can do what a gain does
        for path, value in hidden.items():
            assert result.preset.flat[path] == pytest.approx(value, rel=1e-2), path


def test_pairs_of_different_lengths_are_fitted_together_and_count_alike():
    long, short = plucks(seed=1), plucks(seed=2, seconds=0.5)
    result = dl.fit("gain", [long, short], [2.0 * long, 0.5 * short], SR)
    # the mean of (1 - g / 2)^2 and (1 - g / 0.5)^2 is least at
    best = (1 / 2 + 1 / 0.5) / (1 / 2**2 + 1 / 0.5**2)
    assert result.values["gain_db"] == pytest.approx(20 * np.log10(best), abs=1e-3)
    assert result.metrics["esr"] == pytest.approx(((1 - best / 2) ** 2 + (1 - best / 0.5) ** 2) / 2, rel=1e-3)


def test_the_same_seed_gives_the_same_fit():
    def fitted(seed):
        way = {"target": "multi_resolution_stft(fft_sizes=[256])", "optimizer": "adam(steps=2, starts=4)"}
        return dl.fit("gain(gain_db=24) >> gain(gain_db=24)", DRY, HALF, SR, **way, align=False, seed=seed)

    one, again, other = fitted(3), fitted(3), fitted(4)
    assert one.values == again.values != other.values
    assert one.history == again.history


def test_what_is_frozen_stays_and_what_is_tied_follows():
    frozen = dl.fit("gain >> gain", DRY, HALF, SR, frozen=["gain_2"], start={"gain_2.gain_db": -10.0})
    assert frozen.values["gain_2"]["gain_db"] == -10.0
    assert frozen.values["gain"]["gain_db"] == pytest.approx(10.0 - 6.0206, abs=1e-3)
    tied = dl.fit("gain >> gain", DRY, HALF, SR, ties={"gain_2.gain_db": "gain.gain_db"})
    assert tied.values["gain"] == tied.values["gain_2"] == {"gain_db": pytest.approx(-3.0103, abs=1e-3)}


def test_a_prior_leaves_what_the_recordings_do_not_decide_near_its_start():
    start = {"gain.gain_db": -20.0, "gain_2.gain_db": 4.0}
    values = dl.fit("gain >> gain", DRY, HALF, SR, prior=1e-4, start=start).preset.flat
    # the nearest point of all those whose sum is right lies straight across
    assert values["gain.gain_db"] == pytest.approx(-20.0 + 9.98 / 2, abs=0.02)
    assert values["gain_2.gain_db"] == pytest.approx(4.0 + 9.98 / 2, abs=0.02)


def test_stereo_is_fitted_as_stereo():
    dry = plucks(channels=2)
    result = dl.fit("gain", dry, 0.25 * dry, SR)
    assert result.sounds["fit"].shape == dry.shape
    assert result.values["gain_db"] == pytest.approx(-12.0412, abs=1e-3)


# --- what is chosen

CHOICES = {
    "aligned": ({}, "esr", "alternating"),
    "not aligned": ({"align": False}, "multi_resolution_stft", "adam"),
    "aligned by spectrum": ({"target": "multi_resolution_stft"}, "multi_resolution_stft", "adam"),
    "not aligned by waveform": ({"align": False, "target": "esr"}, "esr", "alternating"),
    "by its name": ({"optimizer": "auto"}, "esr", "alternating"),
    "by text": (
        {"target": "multi_resolution_stft(fft_sizes=[256]) + 0.5 * esr", "optimizer": "lbfgs(memory=3)"},
        "multi_resolution_stft(fft_sizes=[256]) + 0.5 * esr",
        "lbfgs(memory=3)",
    ),
    "by object": (
        {"target": Esr(0.5), "optimizer": dl.optimizers.Adam(steps=2)},
        "esr(pre_emphasis=0.5)",
        "adam(steps=2)",
    ),
}


@pytest.mark.parametrize(("given", "target", "optimizer"), CHOICES.values(), ids=CHOICES)
def test_target_and_optimizer_are_chosen_to_suit(given, target, optimizer):
    result = dl.fit(**({"chain": "gain", "dry": DRY, "reference": HALF, "sr": SR, "budget": 1} | given))
    assert (result.preset.fit["target"], result.preset.fit["optimizer"]) == (target, optimizer)
    assert result.metrics["evaluations"] == 1
    said = [note for code, note in result.notes if code == "optimizer-chosen"]
    assert len(said) == (given.get("optimizer", "auto") == "auto")
    assert all(note.startswith(f"{optimizer}: ") and "1 parameter" in note for note in said)


def test_second_order_steps_are_for_few_parameters():
    for bands in (1, 21, 22, 32):
        few = 3 * bands <= FEW
        text, why = chosen(Space(dl.parse(f"parametric_eq(bands={bands})")), Esr())
        assert text == ("alternating" if few else "adam")
        assert f"{3 * bands} parameters" in why


@pytest.mark.parametrize("budget", [1, 2, 7, 20])
def test_no_more_is_evaluated_than_the_budget_allows(budget):
    result = dl.fit("gain >> gain", DRY, HALF, SR, budget=budget)
    assert result.metrics["evaluations"] <= budget
    assert result.metrics["loss"] <= result.metrics["loss_start"] == 1.0


# --- what is measured and resolved

SITTINGS = {
    # samples by which the reference is late, its polarity
    "as it is": (0.0, 1),
    "late": (37.0, 1),
    "early": (-25.0, 1),
    "inverted": (0.0, -1),
    "late and inverted": (64.0, -1),
}


@pytest.mark.parametrize(("late", "polarity"), SITTINGS.values(), ids=SITTINGS)
def test_how_a_reference_sits_is_measured_and_reported(late, polarity):
    dry = np.pad(DRY, ((0, 0), (200, 200)))
    reference = (polarity * 0.5 * shifted(dry, late)).astype(np.float32)
    result = dl.fit("gain", dry, reference, SR)
    m = result.metrics
    assert m["latency_samples"] == pytest.approx(late, abs=0.02)
    assert m["polarity"] == polarity
    assert m["gain_db"] == pytest.approx(-6.0206, abs=0.02)
    assert ("align-latency" in codes(result)) == (late != 0.0)
    assert ("align-polarity" in codes(result)) == (polarity < 0)
    assert result.values["gain_db"] == pytest.approx(-6.0206, abs=1e-3)
    assert m["esr_aligned"] < 1e-7
    assert (m["esr"] > 0.5) == (late != 0.0 or polarity < 0)


def test_a_fraction_of_a_sample_is_measured_and_taken_off_the_figure():
    low = sosfilt(butter(4, 500.0, fs=SR, output="sos"), np.pad(DRY, ((0, 0), (200, 200))))
    m = dl.fit("gain", low, 0.5 * shifted(low, 37.4), SR).metrics
    assert m["latency_samples"] == pytest.approx(37.4, abs=0.05)
    assert m["esr_aligned"] < 1e-3 < 0.1 < m["esr"]


def test_a_chain_that_can_invert_is_left_to_do_so():
    result = dl.fit("0.5 * gain", DRY, -HALF, SR, frozen=["gain"])
    assert result.values["weights"]["gain"] == pytest.approx(-0.5, abs=1e-4)
    assert result.metrics["polarity"] == -1
    assert result.metrics["esr"] < 1e-7
    assert codes(result) == []


def test_without_alignment_nothing_is_shifted():
    late = np.pad(DRY, ((0, 0), (50, 0)))[:, :SR]
    result = dl.fit("gain", DRY, late, SR, align=False, budget=3)
    assert (result.metrics["latency_samples"], result.metrics["polarity"]) == (0.0, 1)
    np.testing.assert_array_equal(result.sounds["reference"], late)
    assert codes(result) == []


def test_figures_are_what_they_say():
    m = dl.fit("gain", DRY, HALF, SR, budget=1).metrics  # the start itself: twice as loud as it should be
    assert m["loss_start"] == m["loss"] == m["esr"] == m["esr_aligned"] == pytest.approx(1.0, rel=1e-5)
    assert m["mrstft"] == pytest.approx(1.0 + np.log(2.0), rel=0.01)
    assert m["lufs_fit"] - m["lufs_reference"] == pytest.approx(6.0206, abs=1e-3)
    assert m["held_out"] is None
    assert 0.0 <= m["compile_seconds"] <= m["seconds"]


def test_channels_are_mixed_and_reported():
    result = dl.fit("gain", DRY, np.concatenate([HALF, 0.5 * HALF]), SR)
    assert codes(result) == ["audio-channels"]
    assert result.values["gain_db"] == pytest.approx(20 * np.log10(0.375), abs=1e-3)
    result = dl.fit("gain", [DRY, plucks(channels=2)], [HALF, 0.5 * plucks(channels=2)], SR)
    assert codes(result) == ["audio-channels"]
    assert result.values["gain_db"] == pytest.approx(-6.0206, abs=1e-3)


def test_other_lengths_are_cut_and_reported():
    result = dl.fit("gain", DRY, HALF[:, :6000], SR)
    assert codes(result) == ["audio-length"]
    assert result.sounds["dry"].shape == result.sounds["reference"].shape == (1, 6000)


LATE = np.pad(HALF, ((0, 0), (30, 0)))
STRICT = {
    "channels": ((DRY, np.concatenate([HALF, HALF])), "audio-channels"),
    "channels of pairs": (([DRY, plucks(channels=2)], [HALF, plucks(channels=2)]), "audio-channels"),
    "length": ((DRY, HALF[:, :6000]), "audio-length"),
    "length beside a delay": ((DRY, LATE), "audio-length"),
}


@pytest.mark.parametrize(("pair", "code"), STRICT.values(), ids=STRICT)
def test_strict_refuses_what_would_be_resolved(pair, code):
    raised(code, "--strict", "gain", *pair, SR, strict=True)
    assert code in codes(dl.fit("gain", *pair, SR, budget=1))


def test_a_click_in_whole_numbers_is_a_sound():
    click = [1] + [0] * 99
    assert dl.render(dl.parse("gain(gain_db=-20)"), {}, click, SR)[0] == pytest.approx(0.1)


def test_strict_lets_pass_what_agrees():
    assert codes(dl.fit("gain", DRY, HALF, SR, strict=True, budget=1)) == []


# --- what is refused

X = DRY[0]
REFUSED = {
    "silent dry": ((0 * X, X), "audio-silent", "dry recording"),
    "silent reference": ((X, 0 * X), "audio-silent", "reference"),
    "NaN": ((X, np.where(np.arange(SR) == 5, np.nan, X)), "audio-not-finite", "reference"),
    "infinite": ((np.where(np.arange(SR) == 5, np.inf, X), X), "audio-not-finite", "dry recording"),
    "short": ((X[:63], X[:63]), "audio-empty", "63 samples"),
    "empty": (([], []), "audio-empty", "dry recording"),
    "one sample": ((X[:1], X), "audio-empty", "1 samples"),
    "unrelated": ((X, np.random.default_rng(5).standard_normal(SR)), "align-ambiguous", "--no-align"),
    "samples first": ((np.stack([X, X], 1), np.stack([X, X], 1)), "audio-shape", "channels first"),
    "file names": (("dry.wav", "wet.wav"), "audio-shape", "audio.load"),
    "a recording": ((dl.audio.Recording(DRY, SR), HALF), "audio-shape", "audio.load"),
    "whole numbers": (((X * 32767).astype(np.int16), X), "audio-scale", "32768"),
    "nothing": ((None, X), "audio-shape", "channels first"),
    "fewer references": (([X, X], [X]), "fit-pairs", "two lists"),
    "a list and an array": (([X], X), "fit-pairs", "two lists"),
}


@pytest.mark.parametrize(("pair", "code", "said"), REFUSED.values(), ids=REFUSED)
def test_recordings_that_cannot_be_fitted_are_refused(pair, code, said):
    raised(code, said, "gain", *pair, SR)


ARGUMENTS = {
    "chain": ({"chain": "gian"}, "unknown-name", "'gain'"),
    "target": ({"target": "esrr"}, "unknown-name", "'esr'"),
    "optimizer": ({"optimizer": "adma"}, "unknown-name", "'adam'"),
    "frozen": ({"frozen": ["gain_dbb"]}, "unknown-parameter", "'gain_db'"),
    "ties": ({"ties": {"gain_db": "x"}}, "unknown-parameter", "'x'"),
    "start": ({"start": {"gain_db": 99}}, "parameter-bounds", "24 dB"),
    "all frozen": ({"frozen": ["gain_db"]}, "nothing-to-fit", "Freeze"),
    "rate": ({"sr": 0}, "audio-rate", "1000"),
    "rate a text": ({"sr": "44100"}, "audio-rate", "1000"),
    "rate NaN": ({"sr": float("nan")}, "audio-rate", "1000"),
    "rate nothing": ({"sr": None}, "audio-rate", "1000"),
    "seed": ({"seed": 2**64}, "bad-setting", "seed"),
    "half a seed": ({"seed": 0.5}, "bad-setting", "seed"),
    "prior below": ({"prior": -1.0}, "bad-setting", "prior"),
    "prior NaN": ({"prior": float("nan")}, "bad-setting", "prior"),
    "prior a text": ({"prior": "x"}, "bad-setting", "prior"),
    "no budget": ({"budget": 0}, "bad-setting", "budget"),
    "half a budget": ({"budget": 1.5}, "bad-setting", "budget"),
    "no sum of squares": (
        {"target": "multi_resolution_stft", "optimizer": "levenberg_marquardt"},
        "fit-needs-residual",
        "adam or lbfgs",
    ),
}


@pytest.mark.parametrize(("given", "code", "said"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_that_are_wrong_are_refused(given, code, said):
    raised(code, said, **({"chain": "gain", "dry": DRY, "reference": HALF, "sr": SR} | given))


def test_a_start_without_a_finite_loss_is_survived():
    loud = " >> ".join(["gain(gain_db=24)"] * 8)
    result = dl.fit(loud, DRY, HALF, SR, budget=40)
    assert np.isfinite(result.metrics["loss"])
    assert result.metrics["loss_start"] is None or np.isfinite(result.metrics["loss_start"])
    dl.Preset.parse(result.preset.text().encode())


@pytest.mark.parametrize("optimizer", ["alternating", "adam(steps=5)", "lbfgs", "levenberg_marquardt", *POPULATIONS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_fit_without_a_finite_loss_ends(optimizer):
    seen = []

    def count(evaluate):
        seen.append(evaluate.evaluations)
        assert evaluate.evaluations < 2000, "it goes on and on"

    raised("fit-diverged", "finite loss", "gain", DRY, HALF, SR, target="1e300 * esr", optimizer=optimizer, watch=count)
    assert seen


@pytest.fixture
def stepped():
    """A block without gradients, gone again afterwards."""

    class Stepped(Block):
        params = (Param("level", 0.0, 1.0, default=0.5),)
        differentiable = False

        def apply(self, p, x, ctx):
            return p["level"] * x

    yield Stepped
    del Block.registry["stepped"]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs", "alternating", "levenberg_marquardt"])
def test_a_block_without_gradients_is_refused_with_what_to_do(stepped, optimizer):
    raised("fit-needs-gradient", "population optimizer", "gain >> stepped", DRY, HALF, SR, optimizer=optimizer)


def test_a_block_or_a_target_without_gradients_is_searched_unless_told_otherwise(stepped):
    result = dl.fit("gain >> stepped", DRY, HALF, SR, frozen=["gain"], budget=200)
    assert ("optimizer-chosen", "memetic: no gradients of stepped; descents in all else.") in result.notes
    assert result.preset.fit["optimizer"] == "memetic"
    assert result.metrics["loss"] < 1e-6
    result = dl.fit("gain", DRY, HALF, SR, target=embedding(np.abs, differentiable=False), budget=200)
    assert "no gradients of embedding" in dict(result.notes)["optimizer-chosen"]
    assert result.preset.fit["optimizer"] == "cma_es"
    assert result.preset.values["gain_db"] == pytest.approx(-6.02, abs=0.05)
