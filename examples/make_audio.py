"""Make the recordings that the demo fits: a plucked riff, and the same riff through a chain with hidden settings.

    python examples/make_audio.py [FOLDER]

Writes `riff_dry.flac`, `riff_wet.flac` and `riff_truth.json`, the preset that turns one into the other.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

import ddsp_lab as dl

SR = 44_100
BEAT_S = 0.24
# (beat, MIDI note, beats it rings): an open fifth, a climb, a muted repeat
RIFF = [
    (0, 40, 4), (1, 47, 3), (2, 52, 4), (3, 55, 2), (4, 43, 4), (5, 50, 2), (6, 55, 3), (7, 59, 2),
    (8, 45, 5), (9, 52, 3), (10, 57, 3), (11, 60, 2), (12, 40, 1), (12.5, 40, 1),
    (13, 52, 2), (14, 50, 2), (15, 47, 4), (16, 40, 5),
]  # fmt: skip
TRUTH = {
    "parametric_eq": {"cutoff_hz": [140.0, 820.0, 4200.0], "gain_db": [6.0, -8.0, 5.0], "q": [0.8, 1.4, 0.7]},
    "compressor": {
        "threshold_db": -30.0,
        "ratio": 5.0,
        "attack_ms": 12.0,
        "release_ms": 140.0,
        "knee_db": 4.0,
        "makeup_gain_db": 6.0,
    },
}


def pluck(midi: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A string by Karplus and Strong (Computer Music Journal 7(2), 1983): noise round a damped loop, `(samples,)`."""
    samples = int(seconds * SR)
    period = SR / (440.0 * 2.0 ** ((midi - 69.0) / 12.0))
    whole = int(period - 0.5)
    share = period - 0.5 - whole  # of the loop's one-sample fraction, by linear interpolation
    burst = np.zeros(samples)
    burst[:whole] = lfilter([0.5, 0.5], [1.0], rng.uniform(-1.0, 1.0, whole))
    loss = 0.996
    loop = np.zeros(whole + 3)
    loop[0] = 1.0
    loop[whole : whole + 3] -= loss * np.convolve([1.0 - share, share], [0.5, 0.5])
    string = lfilter([1.0], loop, burst)
    fade = np.minimum(1.0, np.arange(samples)[::-1] / (0.02 * SR))
    return string * fade


def riff() -> np.ndarray:
    """The riff, `(1, samples)`."""
    rng = np.random.default_rng(1)
    length = int((RIFF[-1][0] + RIFF[-1][2]) * BEAT_S * SR)
    x = np.zeros(length)
    for beat, midi, beats in RIFF:
        start = int(beat * BEAT_S * SR)
        note = rng.uniform(0.5, 1.0) * pluck(midi, beats * BEAT_S, rng)
        x[start : start + note.size] += note[: length - start]
    return (0.5 * x / np.abs(x).max())[None].astype(np.float32)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chain = dl.parse("parametric_eq(bands=3) >> compressor")
    truth = dl.Preset.of(chain, TRUTH, SR)
    dry = riff()
    dl.audio.save(folder / "riff_dry.flac", dry, SR)
    dry = dl.audio.load(folder / "riff_dry.flac").samples  # what a listener has is the file
    dl.audio.save(folder / "riff_wet.flac", truth.render(dry, SR), SR)
    truth.save(folder / "riff_truth.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "audio")
