"""A line of one instrument in the sound of another, and the sound kept, to be played by other lines.

    python examples/timbre_transfer.py [FOLDER [LINE MODEL]]

Plays a line on a bright saw and a tune on an organ, learns the organ from its recording, and lets it play the line and
then a second one. With two files of yours, one voice or instrument each, it takes those.
"""

import sys
from pathlib import Path

import numpy as np

import ddsp_lab as dl

SR = 16_000
SAW = "oscillator(shape=2) >> low_pass(cutoff_hz=2500) >> gain(gain_db=-9)"
ORGAN = "harmonic_plus_noise >> gain(gain_db=-12)"
LINE = [(0.05, 0.5, 57, 0.9), (0.6, 0.5, 60, 0.7), (1.15, 0.8, 64, 1.0)]  # s, s, MIDI note, velocity
TUNE = [(0.05, 0.8, 52, 0.9), (0.9, 0.5, 59, 0.7), (1.5, 0.8, 55, 1.0)]
SECOND = [(0.05, 0.3, 64, 0.9), (0.4, 0.3, 62, 0.6), (0.75, 0.9, 57, 0.8)]


def played(synth: str, rows: list[tuple[float, ...]]) -> np.ndarray:
    """The recording of a synth, `(1, samples)`, with a rest after its last note."""
    return np.asarray(dl.render(dl.parse(synth), {}, dl.notes(rows, rows[-1][0] + rows[-1][1] + 0.1), SR))


def main(folder: Path, *files: str) -> None:
    dl.tune_process()
    if files:
        first, second = map(dl.audio.load, files)
        sr, line, model = first.sr, first.samples, dl.audio.resample(second.samples, second.sr, first.sr)
    else:
        sr, line, model = SR, played(SAW, LINE), played(ORGAN, TUNE)
    result = dl.transfer(line, model, sr, folder=folder, fresh=True)
    m = result.metrics
    print(f"pitch      right within 10 cents for {m['f0_within_10_cents']:.0%} of the line")
    print(f"octaves    {m['shift_octaves']:+.0f}, to where the model sounds")
    print(f"breath     {m['loudness_correlation']:.2f} of 1: how alike the two levels move")
    before, after = m["spectrum_distance_source_db"], m["spectrum_distance_db"]
    print(f"colour     {after:.1f} dB from the model's, where the line's was {before:.1f}")
    dl.audio.save(folder / "out.wav", result.audio, sr, "rescale")
    again = dl.transfer(played(SAW, SECOND), dl.Timbre.load(folder), SR)  # nothing is learned now
    dl.audio.save(folder / "second.wav", again.audio, SR, "rescale")
    print(f"{folder}: out.wav and second.wav, report.html to compare, timbre.json to play other lines")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/timbre_transfer"), *sys.argv[2:4])
