"""Real studio hardware: a tube preamp with a limiter, a plate and a spring; fitted on one clip, tried on another.

Beside each fit what the best gain on the unseen clip itself and the best filter of the fitted clip leave, and the
published scores of a network trained on much more of the same hardware (Martínez Ramírez, Benetos, Reiss, "Deep
learning for black-box modeling of audio effects", Applied Sciences, 2020), on just these clips. ESR is plain: nothing
aligned or scaled. Nearly all clips, dry and wet, peak at 0.67, so wet levels are not those of one setting: `esr_scaled`
is after the best gain. What is recorded ends at 8 kHz, so all is brought to 16 kHz first.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import fftconvolve

import ddsp_lab as dl
from ddsp_lab._score import esr

from ._recovery import best_gain, fir, found

SR = 16_000
CLIPS = {"Limiter": (1, 27), "Plate": (18, 27), "Spring": (12, 16)}
CHAINS = {
    "Limiter": ("parametric_eq(bands=2) >> compressor >> parametric_eq(bands=2)",),
    "Plate": ("convolution(8000)", "parametric_eq(bands=2) >> reverb_fdn"),
    "Spring": ("convolution(8000)", "parametric_eq(bands=2) >> reverb_fdn"),
}
SIZES = (512, 1024, 2048)


def run(args: Any) -> list[dict[str, Any]]:
    folder = found(args.data, "lab_analog")
    peers = json.loads((folder / "peers.json").read_text())
    rows = []
    for device, (first, second) in CLIPS.items():
        for chain in CHAINS[device]:
            for seen, unseen in ((first, second), (second, first)):
                sounds = [_pair(folder, f"{device}_{clip}") for clip in (seen, unseen)]
                row = {"device": device, "chain": chain, "seen": seen, "unseen": unseen} | _trial(chain, *sounds)
                theirs = peers[f"{device}_{unseen}"]
                rows.append(row | {f"network_{k[6:]}": v for k, v in theirs.items() if k.startswith("CRAFx_")})
                print(rows[-1], flush=True)
    return rows


def _pair(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    dry, wet = (soundfile.read(folder / f"{name}_{end}.mp3", dtype="float32") for end in ("input", "target"))
    return dl.audio.resample(dry[0][None], dry[1], SR), dl.audio.resample(wet[0][None], wet[1], SR)


def _trial(text: str, seen: Any, unseen: Any) -> dict[str, Any]:
    began = time.perf_counter()
    chain = dl.parse(text)
    if isinstance(chain, dl.effects.Convolution):  # its taps are a matter of linear least squares
        values = chain.estimate(*seen, dl.Context(SR))[0]
    else:
        target = "esr" if "compressor" in text else "multi_resolution_stft"  # echoes of another hall are never in phase
        values = dl.fit(chain, *seen, SR, target=target, align=False).values
    seconds = time.perf_counter() - began
    (x, y), heard = unseen, [dl.render(chain, values, dry, SR) for dry, _ in (seen, unseen)]
    filtered = fftconvolve(x[0], fir(seen[0][0], seen[1][0]))[None, : x.shape[1]]
    return {
        "esr_seen": esr(seen[1], heard[0]),
        "esr_unseen": esr(y, heard[1]),
        "esr_scaled": best_gain(heard[1], y),
        "best_gain": best_gain(x, y),
        "fir_of_seen": esr(y, filtered),
        "mrstft16k": _spectral(y, heard[1]),
        "dry_mrstft16k": _spectral(y, x),
        "seconds": seconds,
    }


def _spectral(y: np.ndarray, other: np.ndarray) -> float:
    """As the peers' scores: spectral convergence and mean difference of log magnitudes, over three sizes."""

    def magnitude(x: np.ndarray, size: int) -> np.ndarray:
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, size // 2, mode="reflect"), size)[:: size // 4]
        return np.maximum(np.abs(np.fft.rfft(frames * np.hanning(size + 1)[:-1])), 1e-7)

    both = [(magnitude(y[0], n), magnitude(other[0], n)) for n in SIZES]
    return float(np.mean([np.linalg.norm(a - b) / np.linalg.norm(a) + np.mean(np.abs(np.log(a / b))) for a, b in both]))
