"""A pedal from two recordings of one take: two circuits are tried, and the one that foretells best is kept.

    python examples/pedal.py [FOLDER [DRY WET]]

Sends a riff through a pedal that neither is made like: a tube between two filters, with some hiss. What counts is the
error on the end of the recording, which no fit has seen. With two files of yours, dry and wet, it tries those.
"""

import sys
from pathlib import Path

import numpy as np

import ddsp_lab as dl

RIFF = Path(__file__).parent / "audio" / "riff_dry.flac"
SECONDS, SR = 3.5, 22_050  # of the riff; half its rate, to be quick
PEDAL = "high_pass(cutoff_hz=180) >> tube(drive_db=20) >> low_pass(cutoff_hz=4200) >> gain(gain_db=-4)"
HISS_DB = -80.0
CIRCUITS = ("fuzz >> low_pass >> gain", "high_pass >> soft_clip >> low_pass >> gain")
BUDGET = 300


def take() -> tuple[np.ndarray, np.ndarray]:
    """The riff, and the riff through the pedal, `(1, samples)`."""
    riff = dl.audio.load(RIFF)
    dry = dl.audio.resample(riff.samples, riff.sr, SR)[:, : int(SECONDS * SR)]
    hiss = 10.0 ** (HISS_DB / 20.0) * np.random.default_rng(0).standard_normal(dry.shape)
    return dry, np.asarray(dl.render(dl.parse(PEDAL), {}, dry, SR) + hiss, np.float32)


def main(folder: Path, *files: str) -> None:
    dl.tune_process()
    if files:
        first, second = map(dl.audio.load, files)
        sr, dry, wet = first.sr, first.samples, dl.audio.resample(second.samples, second.sr, first.sr)
    else:
        sr, (dry, wet) = SR, take()
    fits = {}
    for circuit in CIRCUITS:
        fits[circuit] = dl.fit(circuit, dry, wet, sr, budget=BUDGET)
        error, unheard = (fits[circuit].metrics[name] for name in ("esr_aligned", "held_out"))
        print(f"{circuit:45} error {error:.4f}, where it was not fitted {error if unheard is None else unheard:.4f}")
    best = min(fits.values(), key=lambda fit: fit.metrics["held_out"] or fit.metrics["esr_aligned"])
    print(f"\nkept: {best.preset.chain}. An error of 0.01 is a very good model, 0.1 the same kind of sound.")
    for setting, value, bounds in best.table():
        print(f"  {setting:24} {value:14} of {bounds}")
    folder.mkdir(parents=True, exist_ok=True)
    best.preset.save(folder / "preset.json")
    for name, sound in {"guitar": dry, "pedal": wet, "fit": best.render(dry, sr)}.items():
        dl.audio.save(folder / f"{name}.wav", sound, sr, "rescale")
    print(f"{folder}: preset.json, and guitar.wav, pedal.wav and fit.wav to compare")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/pedal"), *sys.argv[2:4])
