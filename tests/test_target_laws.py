"""What every distance promises, measured on each member of the registry, and the numbers of those that have a norm."""

import dataclasses
from contextlib import nullcontext
from functools import cache
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import jit

from ddsp_lab import DdspLabError, Target
from ddsp_lab._parse import parse_target
from ddsp_lab._target import Trait
from ddsp_lab.dsp.band_scales import triangles
from ddsp_lab.targets import Esr, LogCosh, LogMel, MultiResolutionStft

SR, SAMPLES = 8000, 3000
MEMBERS = {k: v() for k, v in sorted(Target.registry.items()) if v.__module__.startswith("ddsp_lab.")}
SWITCHED = {
    f"{k}-{field.name}": dataclasses.replace(t, **{field.name: not getattr(t, field.name)})
    for k, t in MEMBERS.items()
    for field in dataclasses.fields(t)
    if isinstance(getattr(t, field.name), bool)
}
VARIED = [
    Esr(pre_emphasis=0.9),
    Esr(pre_emphasis=0.9, dc=1.0),
    LogCosh(sharpness=100.0),
    MultiResolutionStft(mel_bands=24, weighting="a", linear_weight=0.5, convergence_weight=0.0, complex_weight=1.0),
    MultiResolutionStft(bark_bands=24, weighting="k"),
    MultiResolutionStft(cqt_bands=96, random_sizes=2),
]
VARIANTS = {str(t): t for t in VARIED}
SUMS = {"sum": Esr() + 0.1 * MultiResolutionStft(), "least squares": 2.0 * Esr() + Esr(pre_emphasis=0.9)}
ALL = MEMBERS | SWITCHED | VARIANTS | SUMS
every_text = pytest.mark.parametrize("target", ALL.values(), ids=ALL)
every = pytest.mark.parametrize(
    "target",
    [pytest.param(v, id=k, marks=pytest.mark.nightly if k in SWITCHED | VARIANTS else ()) for k, v in ALL.items()],
)


def noise(seed, samples=SAMPLES, level=0.2):
    return (level * np.random.default_rng(seed).standard_normal((2, samples))).astype(np.float32)


@cache
def compared(target, jit):
    """The distance and its slope, in one compiled function as a fit has it."""
    return jit(jax.value_and_grad(lambda y, x, length: target.distance(target.prepare(x, SR, length), y, SR)))


def compare(target, reference, y, length=None, jit=jax.jit):
    value, slope = compared(target, jit)(y, reference, length)
    return float(value), np.asarray(slope)


@every_text
def test_is_frozen_hashable_and_reads_back(target):
    same = dataclasses.replace(target)
    assert same == target
    assert hash(same) == hash(target)
    assert parse_target(str(target)) == target
    with pytest.raises(dataclasses.FrozenInstanceError):
        target.anything = 1


@every
def test_is_zero_at_equality_with_a_finite_slope(target):
    value, slope = compare(target, noise(0), noise(0))
    assert value == 0.0
    assert np.isfinite(slope).all()


@every
def test_grows_with_the_difference(target):
    x = noise(0)
    values = [compare(target, x, x + much * noise(1))[0] for much in (0.01, 0.1, 1.0)]
    assert 0.0 < values[0] < values[1] < values[2]
    if "level" in target.hears:
        assert compare(target, x, 0.5 * x)[0] > values[0]
        assert compare(target, x, np.zeros_like(x))[0] > values[0]


@every
def test_slope_is_the_finite_difference(target, x64):
    reference, y, dy = (noise(i).astype(np.float64) for i in range(3))
    _, slope = compare(target, reference, y, jit=jit)
    h = 1e-7
    above, below = (compare(target, reference, y + d * dy, jit=jit)[0] for d in (h, -h))
    difference = (above - below) / (2.0 * h)
    assert np.vdot(slope, dy) == pytest.approx(difference, rel=1e-5)


ODD = {
    "silence": np.zeros((2, SAMPLES), np.float32),
    "dc": np.ones((2, SAMPLES), np.float32),
    "impulse": np.eye(2, SAMPLES, 700, dtype=np.float32),
    "denormal": noise(3, level=1e-38),
    "full scale": noise(4, level=1.0),
}


@every
def test_is_finite_everywhere_and_so_is_its_slope(target):
    for name, reference in ODD.items():
        for other, y in ODD.items():
            value, slope = compare(target, reference, y)
            assert np.isfinite(value), (name, other)
            assert np.isfinite(slope).all(), (name, other)
            assert value >= 0.0


@every
def test_residual_squares_add_up_to_the_distance(target):
    features, y = target.prepare(jnp.asarray(noise(0)), SR), jnp.asarray(noise(1))
    if not target.least_squares:
        with pytest.raises(NotImplementedError):
            target.residual(features, y, SR)
        return
    residual = np.asarray(target.residual(features, y, SR), np.float64)
    assert np.sum(residual**2) == pytest.approx(float(target.distance(features, y, SR)), rel=1e-5)


@every
@pytest.mark.parametrize(
    ("samples", "padding"),
    [(SAMPLES, 5000), *(pytest.param(*v, marks=pytest.mark.nightly) for v in ((2048, 1), (1999, 50)))],
)
def test_padding_is_not_heard(target, samples, padding):
    """Recordings of different lengths share a program: zeros after `length` change neither distance nor slope."""
    reference, y = noise(0, samples), noise(1, samples)
    value, slope = compare(target, reference, y)
    padded = [np.pad(v, ((0, 0), (0, padding))) for v in (reference, y)]
    length = jnp.asarray(samples)
    again, padded_slope = compare(target, *padded, length)
    assert again == pytest.approx(value, rel=1e-6, abs=2e-9)  # the squares of differences of 0.0001 dB
    np.testing.assert_allclose(padded_slope[:, :samples], slope, atol=2e-6 * np.abs(slope).max() + 1e-9)


@every
def test_compiled_is_eager(target):
    reference, y = jnp.asarray(noise(0)), jnp.asarray(noise(1))
    eager = float(target.distance(target.prepare(reference, SR), y, SR))
    assert compare(target, reference, y)[0] == pytest.approx(eager, rel=1e-6, abs=2e-9)


# --- what a target hears


def plucked(pitch_hz=220.0, tilt=1.0, decay=6.0, width=0.5, hiss=0.01, samples=12_000):
    """Three plucks of eight harmonics at -20 dB, hiss under them; it starts and ends in silence."""
    t, harmonic = np.arange(samples) / SR, np.arange(1, 9)[:, None]
    envelope = np.exp(-decay * (t % 0.5)) * np.minimum((t % 0.5) / 0.005, 1.0)
    mid, side = (
        np.sum(harmonic**-tilt * np.cos(2 * np.pi * harmonic * pitch_hz * t + k * harmonic), 0) * envelope
        for k in (1.0, 2.0)
    )
    x = np.stack([mid + width * side, mid - width * side])
    x = 0.1 * x / np.sqrt(np.mean(x**2)) + 0.1 * hiss * np.random.default_rng(5).standard_normal(x.shape)
    n = np.arange(samples)
    return (x * np.sin(np.pi / 2 * np.clip(np.minimum(n, n[::-1]) / 1000 - 0.2, 0, 1)) ** 2).astype(np.float32)


PLUCKED = plucked()
CHANGED = {
    "level": 0.5 * PLUCKED,
    "dc": PLUCKED + np.float32(0.05),
    "polarity": -PLUCKED,
    "phase": np.fft.irfft(1j * np.fft.rfft(PLUCKED), PLUCKED.shape[1]).astype(np.float32),  # a quarter turn
    "delay": np.roll(PLUCKED, 8, 1),  # 1 ms
    "pitch": plucked(pitch_hz=220.0 * 2 ** (1 / 12)),
    "spectrum": plucked(tilt=2.0),
    "dynamics": plucked(decay=1.0),
    "width": plucked(width=0.0),
    "noise": plucked(hiss=0.3),
}


@every
def test_hears_what_it_claims_to_hear_and_nothing_that_it_claims_not_to(target):
    """Measured against the change that it hears best, because each target has a unit of its own."""
    assert CHANGED.keys() == set(get_args(Trait))
    assert target.hears, "say what it hears"
    assert not set(target.hears) & set(target.deaf_to)
    measured = {word: compare(target, PLUCKED, y, jit=jit)[0] for word, y in CHANGED.items()}
    share = {word: value / max(measured.values()) for word, value in measured.items()}
    assert {w: s for w, s in share.items() if w in target.hears and s < 0.02} == {}
    assert {w: s for w, s in share.items() if w in target.deaf_to and s > 0.01} == {}


@every
def test_is_differentiable_if_it_says_so(target):
    _, slope = compare(target, PLUCKED, plucked(pitch_hz=300.0, tilt=2.0, decay=1.0, width=0.1, hiss=0.1), jit=jit)
    assert np.any(slope != 0.0) == target.differentiable


# --- sums


def test_terms_of_a_sum_add_up():
    total = 0.5 * (Esr() + 0.2 * MultiResolutionStft()) + Esr(pre_emphasis=0.9)
    terms = total.terms()
    assert {k: w for k, (w, _) in terms.items()} == pytest.approx(
        {"esr": 0.5, "multi_resolution_stft": 0.1, "esr_2": 1.0}
    )
    parts = sum(w * compare(t, noise(0), noise(1))[0] for w, t in terms.values())
    assert compare(total, noise(0), noise(1))[0] == pytest.approx(parts, rel=1e-6)


def test_a_sum_is_least_squares_if_all_its_parts_are():
    assert (Esr() + Esr()).least_squares
    assert not (Esr() + MultiResolutionStft()).least_squares


def test_a_sum_hears_what_any_part_hears_and_is_deaf_to_what_all_are():
    total = MultiResolutionStft() + MultiResolutionStft()
    assert (total.hears, total.deaf_to) == (MultiResolutionStft().hears, MultiResolutionStft().deaf_to)
    both = Esr() + MultiResolutionStft()
    assert set(both.hears) == {*Esr().hears, *MultiResolutionStft().hears}
    assert both.deaf_to == ()
    assert both.differentiable


@pytest.mark.parametrize("make", [lambda: -1.0 * Esr(), lambda: 0 * Esr(), lambda: Esr() - MultiResolutionStft()])
def test_a_distance_never_subtracts(make):
    with pytest.raises(DdspLabError, match="positive") as error:
        make()
    assert error.value.code == "bad-setting"


# --- numbers


def test_esr_is_its_formula():
    x, y = noise(0), noise(1)

    def emphasised(v, a):
        v = v.astype(np.float64)
        return v - a * np.pad(v, ((0, 0), (1, 0)))[:, :-1]

    for a in (0.0, 0.9):
        wanted = np.sum(emphasised(y - x, a) ** 2) / np.sum(emphasised(x, a) ** 2)
        assert compare(Esr(pre_emphasis=a), x, y)[0] == pytest.approx(wanted, rel=1e-5)


def magnitudes(x, fft, hop):
    """Float64 magnitudes by the textbook: frames centred on every `hop`-th sample, periodic Hann, zeros outside."""
    x = np.pad(x.astype(np.float64), ((0, 0), (fft // 2, fft)))
    starts = range(0, x.shape[1] - fft - fft // 2 + 1, hop)
    window = np.sin(np.pi * np.arange(fft) / fft) ** 2
    spectra = np.stack([np.fft.rfft(window * x[:, s : s + fft]) for s in starts], axis=1)
    return np.sqrt(np.abs(spectra) ** 2 + 1e-8)


@pytest.mark.parametrize("samples", [SAMPLES, 4096])
def test_multi_resolution_stft_is_its_formula(samples):
    x, y = noise(0, samples), noise(1, samples, level=0.05)
    terms = []
    for fft in (64, 512, 2048):
        a, b = magnitudes(x, fft, fft // 4), magnitudes(y, fft, fft // 4)
        assert a.shape[1] == 1 + samples // (fft // 4)
        terms.append(np.linalg.norm(a - b) / np.linalg.norm(a) + np.abs(np.log(a) - np.log(b)).mean())
    value, _ = compare(MultiResolutionStft(fft_sizes=(64, 512, 2048)), x, y)
    assert value == pytest.approx(np.mean(terms), rel=2e-6)


def test_log_mel_is_its_formula():
    x, y = noise(0), noise(1, level=0.05)
    a, b = (np.log(magnitudes(v, 1024, 256) ** 2 @ triangles("mel", 1024, SR, 64) + 1e-6) for v in (x, y))
    assert compare(LogMel(), x, y)[0] == pytest.approx(np.mean((a - b) ** 2), rel=1e-5)


# --- what does not belong together


@every_text
def test_recordings_of_different_shapes_are_refused_and_never_broadcast(target):
    x = noise(0)
    for other in (x[:1], x[:, :-1], x[:, :1], x[0], x[None]):
        with pytest.raises(DdspLabError) as error:
            target.distance(target.prepare(jnp.asarray(x), SR), jnp.asarray(other), SR)
        assert error.value.code == "target-shape"
        assert str(x.shape) in error.value.message
        assert str(other.shape) in error.value.message


@every
@pytest.mark.parametrize("samples", [1, *(pytest.param(n, marks=pytest.mark.nightly) for n in (2, 63, 300))])
def test_short_recordings_have_a_distance_or_a_reason_why_not(target, samples):
    mirrors = any(getattr(t, "auraloss_compatible", False) for _, t in target.terms().values())
    refused = pytest.raises(DdspLabError, match="mirrored") if mirrors else nullcontext()
    with refused:
        assert np.isfinite(compare(target, noise(0, samples), noise(1, samples), jit=jit)[0])


def test_a_distance_between_recordings_as_they_are():
    x, y = noise(0), noise(1)
    assert Esr().between(x, y, SR) == pytest.approx(compare(Esr(), x, y)[0], rel=1e-6)
    assert Esr().between(x[0], x[0], SR) == 0.0
    bad = np.where(np.arange(SAMPLES) == 7, np.nan, x).astype(np.float32)
    for reference, other, code in [
        (x, y[:1], "target-shape"),
        (0.0 * x, y, "audio-silent"),
        (bad, y, "audio-not-finite"),
        (x, bad, "audio-not-finite"),
    ]:
        with pytest.raises(DdspLabError) as error:
            Esr().between(reference, other, SR)
        assert error.value.code == code
