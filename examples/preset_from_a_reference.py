"""A preset from a reference: what somebody did to a track, as settings, and the same done to another track.

    python examples/preset_from_a_reference.py [FOLDER [DRY REFERENCE]]

Fits an equaliser and a compressor to a riff and its mix, whose settings are known to the script alone, and plays the
preset on a row of chords. With two files of yours, dry and processed, it fits those.
"""

import sys
from pathlib import Path

import numpy as np
from make_audio import BEAT_S, SR, pluck

import ddsp_lab as dl

AUDIO = Path(__file__).parent / "audio"
CHAIN = "parametric_eq(bands=3) >> compressor"
CHORDS = ((45, 52, 57, 60), (41, 48, 53, 57), (48, 52, 55, 60), (43, 50, 55, 59))  # MIDI notes


def chords() -> np.ndarray:
    """Another performance, `(1, samples)`: four chords, strummed."""
    rng = np.random.default_rng(2)
    length = int(4 * BEAT_S * SR)
    x = np.zeros((4, length))
    for bar, keys in zip(x, CHORDS, strict=True):
        for i, key in enumerate(keys):
            late = int(0.02 * i * SR)
            bar[late:] += pluck(key, length / SR, rng)[: length - late]
    return (0.4 * x.reshape(1, -1) / np.abs(x).max()).astype(np.float32)


def main(folder: Path, *files: str) -> None:
    dl.tune_process()
    dry, reference = map(dl.audio.load, files or (AUDIO / "riff_dry.flac", AUDIO / "riff_wet.flac"))
    wanted = dl.audio.resample(reference.samples, reference.sr, dry.sr)
    result = dl.fit(CHAIN, dry.samples, wanted, dry.sr, folder=folder, fresh=True)
    known = dl.Preset.load(AUDIO / "riff_truth.json").flat if not files else {}
    for setting, value, bounds in result.table():
        hidden = " ".join(f"{v:g}" for v in np.ravel(known.get(setting, ())))
        print(f"{setting:28} {value:32} {f'hidden: {hidden}' if hidden else f'of {bounds}'}")
    m = result.metrics
    left_db = 10.0 * np.log10(m["esr_aligned"])
    print(f"what is left when the fit is taken off: {left_db:.0f} dB of the reference; below -30 it is hardly heard")
    print(f"loudness {m['lufs_reference']:.1f} LUFS, the fit's {m['lufs_fit']:.1f}")
    other = chords()
    dl.audio.save(folder / "chords_dry.wav", other, SR)
    dl.audio.save(folder / "chords.wav", result.render(other, SR), SR, "rescale")
    print(f"{folder}/preset.json is the preset, report.html compares, chords.wav has it on another track")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/preset_from_a_reference"), *sys.argv[2:4])
