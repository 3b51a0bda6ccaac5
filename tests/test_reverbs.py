"""Reverbs and long responses, against loops written out in float64, scipy, and what their names promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from scipy.linalg import hadamard

from ddsp_lab import Context, audio, render
from ddsp_lab.dsp import fdn, fir, line_loops
from ddsp_lab.dsp.delay_line import tap
from ddsp_lab.dsp.echoes import decay_time
from ddsp_lab.dsp.reverberation import combination
from ddsp_lab.effects import Convolution, Freeverb, LinearPhaseEq, NoiseReverb, Plate, ReverbFdn, freeverb, plate

SR, LOW = 44_100, 8000


def noise(seed, *shape, level=0.2):
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def apart(a, b):
    """The largest difference over the largest sample of `b`."""
    return float(np.abs(np.asarray(a) - b).max() / np.abs(b).max())


# --- networks

DELAYS = (7, 11, 13, 17)
MIXES = {"householder": np.eye(4) - 0.5, "hadamard": hadamard(4) / 2.0, "none": np.eye(4), "matrix": None}
TURNED = ((0.0, 0.5, 0.0, 0.0), (0.0, 0.0, 0.6, 0.0), (0.3, 0.0, 0.0, -0.4), (0.7, 0.0, 0.0, 0.0))


def recursion(x, rows, net, matrix, before):
    """The network a sample at a time: what went into the lines, and what came out, after the memory."""
    w, v = ([list(column) for column in np.asarray(part, float).T] for part in before)
    for u in x.astype(float) @ rows.T:
        for i, d in enumerate(net.delays):
            denominator = np.poly(np.asarray(net.poles, float)[:, i])
            late = sum(float(b) * w[i][-d - k] for k, b in enumerate(net.taps[:, i]))
            v[i].append(late - sum(a * v[i][-j] for j, a in enumerate(denominator[1:], 1)))
        for i, one in enumerate(matrix @ np.array([out[-1] for out in v]) + u):
            w[i].append(one)
    return np.array(w).T, np.array(v).T


@pytest.mark.parametrize(
    ("mix", "taps", "poles", "samples"),
    [
        ("householder", 1, 1, 200),
        ("householder", 3, 2, 5),
        ("hadamard", 3, 2, 200),
        ("none", 1, 1, 5),
        ("matrix", 1, 1, 90),
        (TURNED, 1, 1, 90),
    ],
)
def test_the_network_is_its_recursion(mix, taps, poles, samples):
    rng = np.random.default_rng(taps)
    matrix = np.array(mix) if mix is TURNED else 0.5 * rng.standard_normal((4, 4)) if mix == "matrix" else MIXES[mix]
    b, p = (jnp.asarray(rng.uniform(0.05, 0.3, (n, 4)), jnp.float32) for n in (taps, poles))
    net = fdn.Lines(DELAYS, b, p, jnp.asarray(matrix, jnp.float32) if mix == "matrix" else mix)
    before = fdn.Memory(jnp.asarray(noise(1, 16 + taps, 4)), jnp.asarray(noise(2, poles, 4)))
    x, rows = noise(3, samples, 2), rng.standard_normal((4, 2))
    w, v = recursion(x, rows, net, matrix, before)
    after, out = fdn.network(jnp.asarray(x), rows, net, before)
    heard_after, heard = fdn.reverb(jnp.asarray(x), rows, net, before)
    assert apart(out, v[poles:]) < 1e-6
    assert apart(heard, v[poles:] @ rows) < 2e-6
    for memory in (after, heard_after):
        assert apart(memory.w, w[-before.w.shape[0] :]) < 1e-6
        assert apart(memory.v, v[-poles:]) < 1e-6
    assert apart(fdn.passing(jnp.asarray(x), rows, net, before)[1], w) < 1e-6
    for back in (False, True):  # the form for GPUs is the one for CPUs
        r = jnp.asarray(noise(4, samples, 4))
        one, other = (
            line_loops.block_by_block(r, None, rows, net, before, back, parallel=way)[1] for way in (False, True)
        )
        assert apart(one, np.asarray(other)) < 2e-6
        if line_loops.native(net):
            assert apart(line_loops.every_sample(r, None, rows, net, before, back)[1], np.asarray(other)) < 2e-6


@pytest.mark.parametrize("mix", ["householder", "none", TURNED])
def test_the_slope_of_what_is_heard_is_that_of_the_network(mix):
    """The fast loops and the whole network, forwards and backwards."""
    rng = np.random.default_rng(0)
    before = fdn.Memory(jnp.asarray(noise(1, 17, 4)), jnp.asarray(noise(2, 1, 4)))
    x, rows, w = jnp.asarray(noise(3, 1500, 2)), rng.standard_normal((4, 2)), noise(4, 1500, 2)
    coefficients, change = (tuple(jnp.asarray(rng.uniform(0.1, 0.4, (2, 1, 4)), jnp.float32)) for _ in range(2))

    def heard(b, p):
        return fdn.reverb(x, rows, fdn.Lines(DELAYS, b, p, mix), before)[1]

    def whole(b, p):
        return fdn.network(x, rows, fdn.Lines(DELAYS, b, p, mix), before)[1] @ rows

    one, other = (jax.jvp(f, coefficients, change)[1] for f in (heard, whole))
    assert apart(one, np.asarray(other)) < 1e-5
    for a, b in zip(*(jax.vjp(f, *coefficients)[1](w) for f in (heard, whole)), strict=True):
        assert apart(a, np.asarray(b)) < 1e-5


def ring(samples):
    """A delay line as a generator of what it holds: send what goes in, get what comes out one sample later."""
    line = np.zeros(samples)
    at = 0
    stored = yield line[0]
    while True:
        line[at] = stored
        at = (at + 1) % samples
        stored = yield line[at]


def test_freeverb_is_its_loops():
    x, p = noise(0, 2, 1500), {"room_size": 0.7, "damping": 0.6, "width": 0.4, "mix": 0.8}
    feedback, d, wet = 0.7 + 0.28 * 0.7, 0.4 * 0.6, np.zeros((2, 1500))
    dry = x.astype(float).mean(axis=0)
    for c in range(2):
        for n in freeverb.COMBS:
            line, low = ring(round((n + 23 * c) * LOW / SR)), 0.0
            out = next(line)
            for t, v in enumerate(dry):
                low = (1.0 - d) * out + d * low
                wet[c, t] += freeverb.GAIN * out
                out = line.send(v + feedback * low)
        for n in freeverb.ALL_PASSES:
            line = ring(round((n + 23 * c) * LOW / SR))
            out = next(line)
            for t, v in enumerate(wet[c].copy()):
                wet[c, t] = out - v
                out = line.send(v + 0.5 * out)
    wet = 0.4 * wet + 0.6 * wet.mean(axis=0)
    assert apart(render(Freeverb(), p, x, LOW), 0.2 * x + 0.8 * wet) < 1e-6


def all_pass(y, samples, g):
    line = ring(samples)
    v, out = next(line), []
    for one in y:
        w = one - g * v
        out.append(v + g * w)
        v = line.send(w)
    return out


def test_the_plate_is_its_loops():
    x, samples = noise(0, 2, 2500), 2500
    p = {"decay_s": 1.3, "damping": 0.4, "bandwidth_hz": 2000.0, "predelay_ms": 7.3, "mix": 0.8}
    at = tap(jnp.float32(7.3e-3 * LOW), round(plate.LONGEST_PREDELAY_S * LOW))
    late = np.convolve(x.astype(float).mean(axis=0), np.append(np.zeros(int(at.whole)), at.coefficients))[:samples]
    a = np.exp(-2.0 * np.pi * 2000.0 / LOW)
    y = scipy.signal.lfilter([1.0 - a], [1.0, -a], late)
    for n, g in plate.DIFFUSERS:
        y = all_pass(y, round(n * LOW / plate.TUNED_AT), g)
    delays = [round(n * LOW / plate.TUNED_AT) for n in plate.TANK]
    loss = [10.0 ** (-3.0 * n / LOW / 1.3) for n in delays]
    d, low, w = 0.9 * 0.4, [0.0, 0.0], np.zeros((8, 2000 + samples))
    for t, u in enumerate(y, 2000):
        out = [g * line[t - n] for g, line, n in zip(loss, w, delays, strict=True)]
        for half, (a, other) in enumerate(((0, 7), (4, 3))):
            w[a, t] = u + out[other] + 0.7 * out[a]
            w[a + 1, t] = out[a] - 0.7 * w[a, t]
            low[half] = (1.0 - d) * out[a + 1] + d * low[half]
            w[a + 2, t] = low[half] - 0.5 * out[a + 2]
            w[a + 3, t] = out[a + 2] + 0.5 * w[a + 2, t]
    wet = []
    for places in (plate.LEFT, plate.RIGHT):
        parts = ((np.sign(k), w[i, 2000 - round(abs(k) * LOW / plate.TUNED_AT) :][:samples]) for i, k in places)
        wet.append(plate.LEVEL * sum(sign * part for sign, part in parts))
    assert apart(render(Plate(), p, x, LOW), 0.2 * x + 0.8 * np.array(wet)) < 2e-6


# --- reverberation times


def heard_decay(block, p, seconds, band=None):
    """Of the wet sound alone, by Schroeder integration, all of it or between two frequencies."""
    click = np.eye(1, round(seconds * SR), dtype=np.float32)
    h = render(block, p | {"mix": 1.0}, click, SR)[0].astype(float)
    if band is not None:
        h = scipy.signal.sosfiltfilt(scipy.signal.butter(2, band, "bandpass", fs=SR, output="sos"), h)
    return decay_time(h[np.argmax(np.abs(h) > 0.0) :], SR)


REVERBS = {
    "fdn": (ReverbFdn(), lambda t: {"decay_s": t, "damping": 0.0}),
    "fdn of 16": (ReverbFdn(lines=16, matrix="hadamard"), lambda t: {"decay_s": t, "damping": 0.0}),
    "fdn, three bands": (ReverbFdn(decay="three_band"), lambda t: {"decay_s": t, "decay_low": 1.0, "decay_high": 1.0}),
    "plate": (Plate(), lambda t: {"decay_s": t, "damping": 0.0, "bandwidth_hz": 2e4, "predelay_ms": 1.0}),
    "noise": (NoiseReverb(length_s=4.0), lambda t: {"decay_s": np.full(12, t)}),
}


@pytest.mark.parametrize("name", REVERBS)
@pytest.mark.parametrize("seconds", [1.0, 2.5])
def test_the_reverberation_time_is_what_it_says(name, seconds):
    block, values = REVERBS[name]
    p = {q.name: np.broadcast_to(q.default, q.shape) for q in block.params} | values(seconds)
    assert heard_decay(block, p, 1.2 * seconds + 0.5) == pytest.approx(seconds, rel=0.05)


@pytest.mark.parametrize("room", [0.1, 0.5, 0.9])
def test_freeverb_knows_its_reverberation_time(room):
    p = {"room_size": room, "damping": 0.0, "width": 1.0}
    seconds = float(Freeverb().reverberation_s({"room_size": jnp.float32(room)}, SR))
    assert heard_decay(Freeverb(), p, 1.5 * seconds) == pytest.approx(seconds, rel=0.05)


def test_bands_decay_at_their_own_rates():
    p = {"decay_s": 1.0, "decay_low": 2.0, "decay_high": 0.3, "low_hz": 200.0, "high_hz": 5000.0}
    for band, seconds in (((20.0, 40.0), 2.0), ((900.0, 1100.0), 1.0), ((17_000.0, 20_000.0), 0.3)):
        assert heard_decay(ReverbFdn(decay="three_band"), p, 3.0, band) == pytest.approx(seconds, rel=0.1)
    times = np.geomspace(2.0, 0.4, 12)
    centres = np.geomspace(63.0, 12_500.0, 12)
    p = {"decay_s": times, "gain_db": np.zeros(12)}
    for i in (2, 6, 10):
        band = (0.95 * centres[i], 1.05 * centres[i])
        assert heard_decay(NoiseReverb(length_s=3.0), p, 3.0, band) == pytest.approx(times[i], rel=0.2)


# --- first guesses


def test_a_plate_is_guessed_with_its_pre_delay():
    x = noise(0, 1, 2 * LOW)
    hidden = {"decay_s": 3.0, "damping": 0.6, "bandwidth_hz": 2000.0, "predelay_ms": 61.0, "mix": 0.4}
    guess = Plate().estimate(x, render(Plate(), hidden, x, LOW), Context(LOW))[0]
    assert guess["predelay_ms"] == pytest.approx(61.0, abs=0.3)
    assert guess["mix"] == pytest.approx(0.4, abs=0.1)
    assert guess["decay_s"] in (1.5, 4.0)


def test_the_bands_of_the_noise_are_told_apart():
    block, x = NoiseReverb(length_s=1.0, bands=4), noise(0, 2, 2 * LOW)
    hidden = {"decay_s": np.array([0.5, 1.6, 0.16, 0.9]), "gain_db": np.array([-9.0, 3.0, 6.0, -4.0]), "mix": 0.7}
    guess = block.estimate(x, render(block, hidden, x, LOW), Context(LOW))[0]
    np.testing.assert_allclose(guess["decay_s"], hidden["decay_s"], rtol=1e-3)
    np.testing.assert_allclose(guess["gain_db"], hidden["gain_db"], atol=0.05)
    assert guess["mix"] == pytest.approx(0.7, abs=1e-3)


def test_bands_of_the_noise_that_the_sound_hardly_holds_are_found_beside_loud_ones():
    x = scipy.signal.sosfilt(scipy.signal.butter(3, 300.0, fs=LOW, output="sos"), noise(0, 1, 2 * LOW)).astype("f4")
    block = NoiseReverb(length_s=1.0, bands=8)
    decay = np.array([2.0, 0.4, 1.3, 0.07, 5.0, 0.11, 0.6, 1.7])
    level = np.array([3.0, 6.0, -20.0, 2.0, -7.0, 3.0, -14.0, -24.0])
    hidden = {"decay_s": decay, "gain_db": level, "mix": 0.5}
    guesses = block.estimate(x, render(block, hidden, x, LOW), Context(LOW))
    assert len(guesses) == 1  # it explains all, so there is nothing else to try
    # the highest two act as one at this rate, and which is which is anyone's guess
    order = [*range(6), *(6 + np.argsort(guesses[0]["decay_s"][6:]))]
    np.testing.assert_allclose(guesses[0]["decay_s"][order], decay, rtol=0.02)
    np.testing.assert_allclose(guesses[0]["gain_db"][order], level, atol=0.2)


def test_no_part_of_a_combination_is_subtracted():
    dry, first, second = noise(0, 3, 1000).astype(float)
    parts = np.array([[first, second], [second, second + 0.1 * dry]])
    chosen, weights = combination(0.5 * dry + 2.0 * first - 0.3 * second, dry, parts)
    assert chosen == [0, -1]
    np.testing.assert_allclose(weights, [0.5, 2.0, 0.0], atol=0.05)


# --- responses


@pytest.mark.parametrize(
    ("samples", "taps"), [(50_000, 700), (300, 1), (300, 900), (2000, 33), (5000, 1024), (5000, 1025)]
)
def test_convolution_is_a_convolution(samples, taps):
    x, h, history = noise(0, 2, samples), noise(1, 1, taps), noise(2, 2, taps - 1)
    joined = np.concatenate([history, x], axis=1).astype(float)
    after, y = fir.convolve(jnp.asarray(x), jnp.asarray(h), jnp.asarray(history))
    wanted = scipy.signal.oaconvolve(joined, h.astype(float), axes=1)[:, taps - 1 :][:, :samples]
    assert apart(y, wanted) < 2e-6
    np.testing.assert_array_equal(after, joined[:, samples:].astype(np.float32))


def test_taps_are_found_by_least_squares():
    x, h = scipy.signal.lfilter([1.0], [1.0, -0.9], noise(0, 2, 6000)), noise(1, 300)
    y = scipy.signal.oaconvolve(x, h[None], axes=1)[:, :6000]
    assert apart(fir.least_squares(x, y, 300), h) < 1e-4
    found = Convolution(300).estimate(x, y, Context(SR))[0]["taps"]
    assert apart(found, h) < 1e-4


def test_a_response_is_loaded_from_a_file(tmp_path):
    h = 0.9 * noise(0, 1, 500)
    audio.save(tmp_path / "cabinet.wav", h, SR)
    block, x = Convolution.from_file(tmp_path / "cabinet.wav", SR), noise(1, 1, 4000)
    assert block.length == 500
    wanted = np.convolve(x[0].astype(float), h[0])[:4000]
    assert apart(render(block, {"taps": np.array(dict(block.start)["taps"])}, x, SR)[0], wanted) < 2e-6
    tone = np.sin(2.0 * np.pi * 500.0 / SR * np.arange(3000)) * np.hanning(3000)
    audio.save(tmp_path / "tone.wav", tone[None].astype(np.float32), SR)
    half = Convolution.from_file(tmp_path / "tone.wav", SR // 2)  # as many taps as it lasts, and as loud
    assert half.length == 1500
    spectra = (np.abs(np.fft.rfft(taps, 1 << 15)).max() for taps in (tone, dict(half.start)["taps"]))
    assert next(spectra) == pytest.approx(next(spectra), rel=3e-3)


def test_the_linear_phase_equaliser_is_symmetric_and_where_it_says():
    block, p = LinearPhaseEq(taps=4095), {"gain_db": jnp.linspace(-12.0, 12.0, 10)}
    h = np.asarray(block.response(p, SR))
    assert apart(h, h[::-1]) < 1e-6
    centres = np.geomspace(31.25, 16_000.0, 10)[3:]
    _, response = scipy.signal.freqz(h.astype(float), worN=centres, fs=SR)
    np.testing.assert_allclose(20.0 * np.log10(np.abs(response)), np.linspace(-12.0, 12.0, 10)[3:], atol=0.3)
