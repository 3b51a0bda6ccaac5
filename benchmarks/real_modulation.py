"""Real modulation pedals: two notes of a guitar through a chorus, a flanger and a phaser.

All is fitted and scored on the same two seconds, as were those to which the peers' scores belong (`peers.json`): a
network that extracts the modulation. Beside them what the best gain and the best filter of 512 taps leave.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import ddsp_lab as dl
from ddsp_lab._score import esr

from ._recovery import best_fir, best_gain, load

NOTES, PEDALS = (6, 7), ("chorus", "flanger", "phaser")
NOTE_CHAIN = "{} >> parametric_eq(bands=3) >> convolution(24)"
EARLY = 12  # samples by which a wet recording is moved back: some of these lead the dry ones by a few
BUDGET = 500  # evaluations


def run(args: Any) -> list[dict[str, Any]]:
    rows = []
    peers = json.loads(Path(args.data, "egfx_mod", "peers.json").read_text())
    for note in NOTES:
        dry = load(args.data, "egfx_mod", f"{note}_dry.flac")
        for pedal in PEDALS:
            wet = load(args.data, "egfx_mod", f"{note}_{pedal}_wet.flac").samples[:, : dry.samples.shape[1]]
            row = _row(f"{note}_{pedal}", NOTE_CHAIN.format(pedal), dry.samples[:, : wet.shape[1]], wet, dry.sr)
            rows.append(row | {"peer_esr": peers[f"{note}_{pedal}"]["authors_lstm"]["esr"]})
            rows[-1]["peer_stft"] = peers[f"{note}_{pedal}"]["authors_lstm"]["mrstft"]
            print(rows[-1], flush=True)
    return rows


def _row(name: str, chain: str, dry: np.ndarray, wet: np.ndarray, sr: int) -> dict[str, Any]:
    began = time.perf_counter()
    moved = np.pad(wet, ((0, 0), (EARLY, 0)))[:, : wet.shape[1]]
    result = dl.fit(chain, dry, moved, sr, target="esr", align=False, budget=BUDGET)
    heard = result.render(np.pad(dry, ((0, 0), (0, EARLY))), sr)[:, EARLY:]
    return {
        "clip": name,
        "esr": esr(wet, heard),
        "stft": stft_distance(wet[0], heard[0]),
        "rate_hz": float(result.values[chain.split()[0]]["rate_hz"]),
        "best_gain": best_gain(dry, wet),
        "best_fir": best_fir(dry, moved),
        "seconds": time.perf_counter() - began,
    }


def stft_distance(wanted: np.ndarray, heard: np.ndarray) -> float:
    """As the peers were scored: spectral convergence and log magnitudes, at three resolutions."""

    def frames(v: np.ndarray, size: int) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(np.pad(v, size // 2, mode="reflect"), size)

    total = 0.0
    for size in (512, 1024, 2048):
        window = np.hanning(size + 1)[:-1]
        a, b = (np.maximum(np.abs(np.fft.rfft(frames(v, size)[:: size // 4] * window)), 1e-7) for v in (wanted, heard))
        total += np.linalg.norm(a - b) / np.linalg.norm(a) + np.mean(np.abs(np.log(a) - np.log(b)))
    return float(total / 3.0)
