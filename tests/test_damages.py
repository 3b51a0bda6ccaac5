"""What every damage promises: a fit that knows of it finds the settings that it would have found without."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import SR, plucks, wet

import ddsp_lab as dl
from ddsp_lab import Damage, DdspLabError
from ddsp_lab._block import flatten
from ddsp_lab._parse import parse_target

CHAIN = "low_shelf >> gain"
HIDDEN = {"low_shelf.cutoff_hz": 600.0, "low_shelf.gain_db": 9.0, "gain.gain_db": -3.0}
RESPONSE = np.concatenate([[1.0], np.zeros(199), [0.7], np.zeros(300), [-0.5]]).astype(np.float32)


@pytest.fixture
def damages(tmp_path):
    """A member of each kind as text, what does it, and a target that it misleads."""
    file = tmp_path / "room.wav"
    dl.audio.save(file, RESPONSE[None], SR)

    def gaps(x):
        x = x.copy()
        x[:, 3000:3700] = x[:, 5100:6100] = 0.0
        return x

    def echoes(x):
        return np.stack([np.convolve(row, RESPONSE)[: x.shape[1]] for row in x]).astype(np.float32)

    def dull(x):
        spectrum = np.fft.rfft(x)
        return np.fft.irfft(spectrum * (np.arange(spectrum.shape[1]) < 1500), x.shape[1]).astype(np.float32)

    def hiss(x):
        return x + 0.03 * np.random.default_rng(9).standard_normal(x.shape).astype(np.float32)

    def late(x):
        spectrum = np.fft.rfft(x, 2 * x.shape[1])
        turn = np.exp(-2j * np.pi * 7.3 * np.arange(spectrum.shape[1]) / (2 * x.shape[1]))
        return np.fft.irfft(spectrum * turn)[:, : x.shape[1]].astype(np.float32)

    return {
        "delay": ("delay", late, "esr"),
        "clip": ("clip", lambda x: np.clip(x, -0.1, 0.1), "esr"),
        "mask": ("mask", gaps, "esr"),
        "lowpass": ("lowpass(cutoff_hz=1400.0)", dull, "esr"),
        "noise": ("noise", hiss, "multi_resolution_stft(fft_sizes=[256])"),
        "ir": (f"ir(file='{file}')", echoes, "esr"),
    }


def apart(values):
    """The worst error, in hundreds of hertz or in decibels."""
    values = flatten(values)
    return max(abs(values[k] - v) / (100.0 if k.endswith("hz") else 1.0) for k, v in HIDDEN.items())


def test_no_damage_is_without_a_case(damages):
    assert {m.name for m in Damage.registry.values() if m.__module__.startswith("ddsp_lab.")} == damages.keys()


@pytest.mark.parametrize("name", sorted(Damage.registry))
def test_a_fit_that_knows_the_damage_finds_the_settings(name, damages):
    text, happened, target = damages[name]
    dry = plucks(seed=4)
    reference = happened(wet(CHAIN, dry, **HIDDEN))
    optimizer = "adam(steps=300)" if name == "noise" else None

    def fitted(observed_through):
        fit = dl.fit(CHAIN, dry, reference, SR, target, optimizer, align=False, observed_through=observed_through)
        return apart(fit.values)

    known, unknown = fitted(text), fitted(None)
    assert known < 0.25 * unknown
    assert known < (0.5 if name == "noise" else 0.02)


@pytest.mark.parametrize("name", sorted(Damage.registry))
def test_padding_is_not_heard_through_a_damage(name, damages):
    text, happened, target = damages[name]
    x, y = plucks(seed=1), plucks(seed=2)
    reference = happened(x)
    goal = parse_target(target).observed_through(text)
    longer = [np.pad(v, ((0, 0), (0, 901))) for v in (reference, y)]

    def distance(reference, y, length):
        return float(goal.distance(goal.prepare(jnp.asarray(reference), SR, length), jnp.asarray(y), SR))

    if text != "noise":  # whose draws depend on how many there are
        assert distance(*longer, reference.shape[1]) == pytest.approx(distance(reference, y, None), rel=1e-6)


@pytest.mark.parametrize("name", sorted(Damage.registry))
def test_a_damaged_target_is_finite_and_so_is_its_slope(name, damages):
    goal = parse_target(damages[name][2]).observed_through(damages[name][0])
    both = jax.jit(jax.value_and_grad(lambda y, reference: goal.distance(goal.prepare(reference, SR), y, SR)))
    odd = [jnp.zeros((1, 4000)), jnp.ones((1, 4000)), jnp.eye(1, 4000, 700), jnp.asarray(plucks()[:, :4000])]
    for reference in odd:
        for y in odd:
            value, slope = both(y, reference)
            assert np.isfinite(value)
            assert np.isfinite(slope).all()


@pytest.mark.parametrize("samples", [0.0, 0.25, -3.6, 80.0])
def test_a_target_that_lines_up_is_deaf_to_delay_and_to_nothing_else(samples):
    x = np.pad(plucks(seed=3), ((0, 0), (200, 200)))
    turn = np.exp(-2j * np.pi * samples * np.arange(x.shape[1] // 2 + 1) / x.shape[1])
    late = np.fft.irfft(np.fft.rfft(x) * turn, x.shape[1]).astype(np.float32)
    target = parse_target("esr(observed_through=delay(longest_ms=20))")
    assert "delay" in target.deaf_to
    assert "delay" not in target.hears
    assert target.between(late, x, SR) < 1e-6
    assert target.between(late, 0.9 * x, SR) == pytest.approx(0.01, rel=1e-3)
    assert target.between(late, -x, SR) > 0.5
    if samples == 0.0:
        assert target.between(late, late, SR) == 0.0


def test_a_damage_stands_in_the_text_of_a_target_and_reads_back():
    text = "multi_resolution_stft(fft_sizes=[512], observed_through=lowpass(cutoff_hz=3000)) + 0.1 * esr"
    assert str(parse_target(text)) == text
    assert parse_target(text) == parse_target(str(parse_target(text)))
    whole = parse_target("esr + 0.5 * mae").observed_through("clip")
    assert str(whole) == "esr(observed_through=clip) + 0.5 * mae(observed_through=clip)"
    assert whole.terms().keys() == {"esr", "mae"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("esr(observed_through=clap)", "unknown-name"),
        ("esr(observed_through=clip(level=3))", "unknown-setting"),
        ("esr(observed_through=clip(level_db=300))", "bad-setting"),
        ("esr(observed_through=ir)", "bad-setting"),
        ("esr(observed_through=ir(file='nowhere.wav'))", "audio-missing"),
        ("esr(observed_through=3)", "expression-syntax"),
        ("esr(observed_through=clip >> clip)", "expression-syntax"),
    ],
)
def test_what_is_no_damage_is_refused(text, code):
    with pytest.raises(DdspLabError) as error:
        parse_target(text)
    assert error.value.code == code
