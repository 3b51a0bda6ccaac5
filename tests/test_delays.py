"""Delays and what turns: their loops against plain float64 recursions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import lfilter

import ddsp_lab as dl
from ddsp_lab import Context
from ddsp_lab.dsp import damped_line, delay_line, feedback_line
from ddsp_lab.dsp.alignment import align
from ddsp_lab.effects.rotary import DRUM, LATENCY, SWING_MS
from ddsp_lab.effects.tape_delay import FLUTTER_HZ, FLUTTER_MS, WOW_HZ, WOW_MS

SR, SAMPLES = 16_000, 4000


def noise(samples, level=0.2):
    return (level * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def apart(a, b):
    return float(np.abs(np.asarray(a) - b).max() / np.abs(b).max())


def cubic(line, n, delay):
    """The cubic through four samples about `n - delay`, in float64."""
    whole = int(np.floor(delay)) - 1
    d = delay - whole
    c = [np.prod([(d - j) / (i - j) for j in range(4) if j != i]) for i in range(4)]
    return sum(c[i] * line[n - whole - i] for i in range(4) if n >= whole + i)


def turning(rate, phase=0.0):
    return np.sin(2.0 * np.pi * (rate * np.arange(SAMPLES) / SR + phase))


def test_a_tape_delay_is_its_recursion():
    x, w, e = noise(SAMPLES, 0.7), np.zeros(SAMPLES), np.zeros(SAMPLES)
    p = {"time_ms": 31.3, "feedback": 0.8, "drive_db": 9.0, "wow": 0.7, "flutter": 0.9, "mix": 0.6}
    wander = WOW_MS * p["wow"] * (1.0 + turning(WOW_HZ)) + FLUTTER_MS * p["flutter"] * (1.0 + turning(FLUTTER_HZ))
    delay, k = 1e-3 * SR * (p["time_ms"] + 0.5 * wander), 10.0 ** (p["drive_db"] / 20.0)
    for n in range(SAMPLES):
        e[n] = np.tanh(k * cubic(w, n, delay[n])) / k
        w[n] = x[n] + p["feedback"] * e[n]
    got = dl.render(dl.parse("tape_delay"), p, x[None], SR)[0]
    assert apart(got, (1.0 - p["mix"]) * x + p["mix"] * e) < 1e-4  # 500 samples' delay in float32 is good to that


@pytest.mark.parametrize("time_ms", [1.3, 40.06])
def test_a_damped_delay_is_its_recursion(time_ms):
    x, g, damping, mix = noise(SAMPLES), 0.8, 0.6, 0.7
    w, y, v, delay = np.zeros(SAMPLES), np.zeros(SAMPLES), 0.0, 1e-3 * SR * time_ms
    at_nyquist = g ** (1.0 / (1.0 - 0.9 * damping) - 1.0)
    pole = (1.0 - at_nyquist) / (1.0 + at_nyquist)
    for n in range(SAMPLES):
        y[n] = cubic(w, n, delay)
        v = pole * v + (1.0 - pole) * g * y[n]
        w[n] = x[n] + v
    p = {"time_ms": time_ms, "feedback": g, "damping": damping, "mix": mix}
    assert apart(dl.render(dl.parse("delay(damped=true)"), p, x[None], SR)[0], (1.0 - mix) * x + mix * y) < 1e-4


def test_every_loop_of_a_delay_gives_the_same():
    """With and without damping, that of a CPU and that of other machines."""
    u, longest, shortest = jnp.asarray(noise(SAMPLES)), 700, 30
    silence = jnp.zeros(longest + 3)
    for delay in (30.4, 654.3):
        at = delay_line.tap(delay, longest)
        long, short = (
            feedback_line._filled(u, 0.8, at, silence, width, size)[longest + 3 :]
            for width, size in ((feedback_line.TILE, at.whole), (shortest - 1, shortest - 1))
        )
        at = delay_line.Tap(at.whole, 0.8 * at.coefficients)
        assert apart(long, short) < 1e-5
        assert apart(damped_line._by_sample(u, 0.0, at, longest), short) < 1e-5
        damped = delay_line.Tap(at.whole, 0.3 * at.coefficients)
        wanted = damped_line._by_sample(u, 0.7, damped, longest)
        assert apart(damped_line._evenly(u, 0.7, damped, longest, shortest), wanted) < 1e-5


def test_damping_is_the_share_of_the_decay_at_nyquist():
    g, pole = 0.7, float(damped_line.damping_pole(0.7, 0.5))
    top = (1.0 - pole) / (1.0 + pole) * g
    assert np.log(g) / np.log(top) == pytest.approx(1.0 - 0.9 * 0.5, rel=1e-5)


def test_a_rotary_speaker_is_its_formula():
    x = noise(SAMPLES)
    p = {"rate_hz": 6.0, "drum_rate_hz": 2.0, "depth": 0.9, "crossover_hz": 700.0, "phase": 0.3}
    g = np.tan(np.pi * p["crossover_hz"] / SR)
    low = lfilter([g, g], [1.0 + g, g - 1.0], x.astype(float))
    got = np.asarray(jax.jit(lambda x: dl.parse("rotary").apply(p, x, Context(SR)))(np.stack([x, x])))
    for channel, turn in enumerate((0.0, 0.25)):
        horn, drum = (
            0.5 * p["depth"] * (1.0 + turning(p[rate], p["phase"] + turn)) for rate in ("rate_hz", "drum_rate_hz")
        )
        late = LATENCY + horn * 1e-3 * SWING_MS * SR
        above = np.array([cubic(x - low, n, late[n]) for n in range(SAMPLES)])
        below = np.pad(low, (LATENCY, 0))[:SAMPLES]
        assert apart(got[channel], (1.0 - horn) * above + (1.0 - DRUM * drum) * below) < 2e-5


@pytest.mark.parametrize("name", ["rotary", "tape_delay"])
def test_nothing_moves_at_no_depth(name):
    """Without wow, flutter and turning both are ordinary: a delay, and the sound itself."""
    x = noise(SAMPLES, 1e-3)[None]
    if name == "rotary":
        wet = dl.render(dl.parse(name), {"depth": 0.0}, x, SR)
        assert apart(wet, x) < 1e-5
    else:
        p = {"time_ms": 25.0, "feedback": 0.5, "mix": 0.5}
        wet = dl.render(dl.parse(name), p | {"drive_db": 0.0, "wow": 0.0, "flutter": 0.0}, x, SR)
        assert apart(wet, dl.render(dl.parse("delay"), p, x, SR)) < 1e-4


@pytest.mark.parametrize(("time_ms", "mix"), [(3.7, 0.97), (180.02, 0.3)])
def test_the_first_guess_at_a_delay_is_the_delay(time_ms, mix):
    """Also where the echo is far louder than the dry sound, and where the loudest notes come last."""
    hidden = {"time_ms": time_ms, "feedback": 0.9, "damping": 0.4, "mix": mix}
    rng, t = np.random.default_rng(1), np.arange(2 * SR) / SR
    x = (0.1 * np.exp(t - 2.0) * np.sin(600.0 * t) + 0.01 * t * rng.standard_normal(t.size)).astype(np.float32)[None]
    chain = dl.parse("delay(damped=true)")
    wet = dl.render(chain, hidden, x, SR)
    guess = chain.estimate(x, wet, Context(SR))[0]
    assert guess["time_ms"] == pytest.approx(time_ms, rel=1e-3)
    assert all(guess[k] == pytest.approx(hidden[k], abs=0.02) for k in ("feedback", "mix"))
    assert align(x, wet, SR, delays=True).polarity == 1
