"""A search of your own over chains: begin with nothing, and add the link that explains most, as long as it pays.

    python examples/scripted_search.py [FOLDER]

A riff goes through two effects; which, and in which order, is to be found. Every candidate is a fit of its own, and
`candidates.csv` holds them all with their errors and what they cost to play.
"""

import csv
import sys
from pathlib import Path

import numpy as np

import ddsp_lab as dl

RIFF = Path(__file__).parent / "audio" / "riff_dry.flac"
HIDDEN = "high_pass(cutoff_hz=150) >> soft_clip(drive_db=18)"
PARTS = ("high_pass", "soft_clip", "tremolo")
SECONDS, SR, BUDGET = 3.2, 16_000, 60
PAYS, DONE = 0.7, 1e-4  # a link stays if it leaves less than this of the error; this is no error at all

Links = tuple[str, ...]


def longer(links: Links) -> list[Links]:
    """Every chain with one link more, anywhere."""
    rest = [part for part in PARTS if part not in links]
    return [(*links[:i], part, *links[i:]) for part in rest for i in range(len(links) + 1)]


def db(error: float) -> float:
    return 10.0 * np.log10(error + 1e-12)


def main(folder: Path) -> None:
    dl.tune_process()
    riff = dl.audio.load(RIFF)
    dry = dl.audio.resample(riff.samples, riff.sr, SR)[:, : int(SECONDS * SR)]
    wet = np.asarray(dl.render(dl.parse(HIDDEN), {}, dry, SR))
    tried: dict[Links, dl.FitResult] = {}

    def error(links: Links) -> float:
        """On the end of the recording, which the fit has not seen: links that only learn by heart do not pay."""
        if links not in tried:
            tried[links] = dl.fit(" >> ".join(links), dry, wet, SR, optimizer="levenberg_marquardt", budget=BUDGET)
            print(f"  {' >> '.join(links):28} {db(tried[links].metrics['held_out']):6.1f} dB")
        return tried[links].metrics["held_out"]

    best, left = (), float(np.sum((wet - dry) ** 2) / np.sum(wet**2))
    while left > DONE and (candidates := longer(best)):
        print(f"the error of {len(best)} links is {db(left):.1f} dB; with one more")
        found = min(candidates, key=error)
        if error(found) > PAYS * left:
            break
        best, left = found, error(found)
    print(f"found: {' >> '.join(best)}, {db(left):.1f} dB; hidden: {HIDDEN}")
    folder.mkdir(parents=True, exist_ok=True)
    tried[best].preset.save(folder / "preset.json")
    with (folder / "candidates.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["chain", "held_out", "operations_a_sample"])
        rows.writerows([fit.preset.chain, error(k), dl.ops_per_sample(fit.preset.block)] for k, fit in tried.items())
    print(f"{folder}: preset.json, candidates.csv with {len(tried)} chains")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/scripted_search"))
