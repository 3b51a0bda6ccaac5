"""A patch from a drum hit, and a loop of what can be made of it.

    python examples/drum_patch.py [FOLDER]

Makes a kick, forgets how, and lets `match` find a patch that sounds like it. `loop.wav` is a bar of the patch and a bar
of each of two edits; `report.html` plays the hit beside the patch.
"""

import sys
from pathlib import Path

import numpy as np

import ddsp_lab as dl

SR, KEY = 16_000, 60  # the key at which drums are in tune
HIDDEN = {"tune_hz": 46.0, "sweep_st": 30.0, "decay_s": 0.35, "click": 0.4}
EDITS = {
    "as it is": {},
    "deeper, longer": {"tune_hz": 0.8, "decay_s": 1.8},
    "short, hard": {"decay_s": 0.5, "click": 2.0},
}
HITS = ((0.0, 1.0), (0.5, 0.6), (0.75, 0.9), (1.25, 0.7))  # s, velocity
BAR_S, BUDGET = 2.0, 2000


def edited(patch: dl.Preset, **times: float) -> dl.Preset:
    """The patch with some of its settings so many times as large."""
    values = {name: value * times.get(name, 1.0) for name, value in patch.values.items()}
    return dl.Preset.of(patch.block, values, patch.sample_rate)


def main(folder: Path) -> None:
    dl.tune_process()
    recording = np.asarray(dl.render(dl.parse("kick"), HIDDEN, dl.note(KEY, 0.6), SR))
    found = dl.match(recording, SR, "kick", budget=BUDGET, folder=folder, fresh=True)
    print(f"{'setting':20} {'found':>8} {'hidden':>8}")
    for name, value in found.values.items():
        print(f"{name:20} {value:8.2f} {HIDDEN.get(name, ''):>8}")
    print(f"distance of the spectra {found.metrics['mrstft']:.3f}: 1 is another sound, below 0.1 hard to tell apart")
    beat = dl.notes([(onset, 0.2, KEY, velocity) for onset, velocity in HITS], BAR_S)
    bars = [np.asarray(edited(found.preset, **times).render(beat, SR)) for times in EDITS.values()]
    dl.audio.save(folder / "loop.wav", np.concatenate(bars, axis=1), SR, "rescale")
    print(f"{folder}/preset.json is the patch, loop.wav plays it: {'; '.join(EDITS)}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/drum_patch"))
