"""How often the delay between two recordings is found: `python -m benchmarks.alignment [trials]`.

Each trial shifts a synthetic sound by up to 2 s and a fraction of a sample, turns its polarity or not, changes its gain
by up to 12 dB and adds noise 10 dB below it.
"""

import sys
import time

import numpy as np

from ddsp_lab import DdspLabError
from ddsp_lab.audio import align
from ddsp_lab.dsp.transfer import shifted

SR, SECONDS, LONGEST_S, SNR_DB = 44_100, 6.0, 2.0, 10.0
WITHIN, WITHIN_DB = 0.05, 0.1


def plucks(rng, t):
    x = np.zeros(t.size)
    for start in np.sort(rng.uniform(0.0, SECONDS - 0.3, 10)):
        since, f = t - start, 82.4 * 2.0 ** (rng.integers(0, 36) / 12.0)
        k = np.arange(1, 16)[:, None]
        tone = np.sum(np.exp(-(3.0 + k) * np.maximum(since, 0.0)) * np.sin(2 * np.pi * f * k * since) / k, 0)
        x += np.where(since >= 0.0, rng.uniform(0.3, 1.0) * tone, 0.0)
    return x


def drums(rng, t):
    x = np.zeros(t.size)
    for i, start in enumerate(np.arange(0.0, SECONDS, 0.25) + rng.uniform(0.0, 0.02)):
        since = np.maximum(t - start, 0.0)
        kick = np.exp(-18 * since) * np.sin(2 * np.pi * 50 * since + 12 * (1 - np.exp(-30 * since)))
        hit = (
            kick,
            np.exp(-90 * since) * rng.standard_normal(t.size),
            np.exp(-25 * since) * rng.standard_normal(t.size),
        )
        x += (t >= start) * rng.uniform(0.3, 1.0) * hit[rng.integers(3)] * (1.0, 0.2, 0.5)[i % 3]
    return x


def bursts(rng, t):
    levels = np.repeat(rng.uniform(0.05, 0.5, int(4 * SECONDS) + 1), SR // 4)[: t.size]
    return levels * np.exp(-12.0 * (t % 0.25)) * rng.standard_normal(t.size)


def chords(rng, t):
    x = np.zeros(t.size)
    for start in np.arange(0.0, SECONDS, 1.5):
        since = t - start
        for f in 110.0 * 2.0 ** (rng.choice(36, 4, replace=False) / 12.0):
            k = np.arange(1, 9)[:, None]
            tone = np.sum(np.sin(2 * np.pi * f * k * since + rng.uniform(0, 6, k.shape)) / k, 0)
            x += np.where((since >= 0.0) & (since < 1.5), tone * np.sin(np.pi * np.clip(since / 1.5, 0, 1)) ** 0.5, 0.0)
    return x


def sweep(rng, t):
    low, high = rng.uniform(20.0, 100.0), rng.uniform(4000.0, 18_000.0)
    rate = np.log(high / low) / SECONDS
    return np.sin(2 * np.pi * low / rate * np.expm1(rate * t))


SOUNDS = (plucks, drums, bursts, chords, sweep)


def trial(seed, sound=None):
    """A sound, the same one moved, and by how many samples, at which polarity, by how many dB."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(SECONDS * SR)) / SR
    x = (sound or SOUNDS[seed % len(SOUNDS)])(rng, t)
    x = 0.1 * x / np.std(x)
    late, fraction = int(rng.integers(-LONGEST_S * SR, LONGEST_S * SR + 1)), rng.uniform(-0.5, 0.5)
    late = int(np.clip(late, -LONGEST_S * SR + 1, LONGEST_S * SR - 1))
    polarity, gain_db = int(rng.choice([-1, 1])), rng.uniform(-12.0, 12.0)
    moved = shifted(x[None], fraction)
    y = np.pad(moved, ((0, 0), (late, 0))) if late >= 0 else moved[:, -late:]
    y = y + 10.0 ** (-SNR_DB / 20.0) * np.std(x) * rng.standard_normal(y.shape)
    y = polarity * 10.0 ** (gain_db / 20.0) * y
    return x[None].astype(np.float32), y.astype(np.float32), late + fraction, polarity, gain_db


def outcome(seed):
    """What `align` makes of a trial: "right", or what is wrong with it."""
    x, y, late, polarity, gain_db = trial(seed)
    try:
        found = align(x, y, SR)
    except DdspLabError as error:
        return error.code
    if abs(found.latency_samples - late) > WITHIN:
        return f"delay by {found.latency_samples - late:.2f}"
    if found.polarity != polarity:
        return "polarity"
    return "right" if abs(found.gain_db - gain_db) <= WITHIN_DB else f"gain by {found.gain_db - gain_db:.2f} dB"


def main(trials=1000):
    began, wrong = time.perf_counter(), {}
    for seed in range(trials):
        if (said := outcome(seed)) != "right":
            wrong[seed] = said
    for sound in range(len(SOUNDS)):
        mine = {k: v for k, v in wrong.items() if k % len(SOUNDS) == sound}
        print(f"{SOUNDS[sound].__name__:8}  {len(range(sound, trials, len(SOUNDS))) - len(mine)} right, wrong: {mine}")
    print(f"{trials - len(wrong)} of {trials}, {(time.perf_counter() - began) / trials:.2f} s each")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
