"""Real TR-808 hits, and what `match` makes of them, beside the nearest other hit, a mean preset, chance and noise.

`mrstft` is the distance of `score.py`: spectral convergence and log-magnitude, mirrored at the ends. `nearest` is that
of the hit in the folder that is nearest but for itself, `mean` that of the patch whose settings are the mean of all
patches of its chain, `random` that of random search with as many evaluations, `noise` that of new noise under the
band envelopes of the file, for hits that are noise. `t30` and `pitch` say how far the decay of the level curve and the
frequency of tonal hits are off, as shares. `--quick` takes every third hit and leaves out `random`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import jax
import numpy as np

import ddsp_lab as dl
from ddsp_lab._preset import Preset
from ddsp_lab.dsp.dying_line import band_powers
from ddsp_lab.dsp.fir import hats
from ddsp_lab.dsp.noise_bands import band_centres, shaped_noise

TONAL, NOISY = ("BD", "LT", "MT", "HT", "LC", "MC", "HC", "RS", "CB", "CL"), ("SD", "CY", "OH", "CH", "CP", "MA")
SIZES, FLOOR = (512, 1024, 2048), 1e-7
BANDS, HOP = 48, 256  # of the envelopes
T30_DB, BLOCK_S, TOGETHER = (5.0, 35.0), 0.005, 4  # below the peak, over which a decay is measured; of a level curve


def run(args: Any) -> list[dict[str, Any]]:
    files = sorted(Path(args.data, "tr808_fischer").glob("*.flac"))
    hits = {path.stem: mono(path) for path in files}
    rows, presets = [], {}
    for name in list(hits)[:: 3 if args.quick else 1]:
        x, sr = hits[name]
        began, worked = time.perf_counter(), time.process_time()
        result = dl.match(x, sr)
        row = {
            "hit": name,
            "chain": result.preset.chain,
            "mrstft": mrstft(x, fit := np.asarray(result.sounds["fit"])[0]),
            "nearest": min(mrstft(x, other) for k, (other, _) in hits.items() if k != name),
            "noise": float(np.median([mrstft(x, _noise(x, sr, seed)) for seed in range(3)])),
            "t30": _t30_s(fit, sr) / _t30_s(x, sr) - 1.0,
            "pitch": main_hz(fit, sr) / main_hz(x, sr) - 1.0 if name[:2] in TONAL else np.nan,
            "evaluations": result.metrics["evaluations"],
            "seconds": time.perf_counter() - began,
            "compiling": result.metrics["compile_seconds"],
            "process_seconds": time.process_time() - worked,
        }
        if not args.quick:
            chance = dl.match(x, sr, row["chain"], optimizer="random_search", budget=row["evaluations"])
            row["random"] = mrstft(x, np.asarray(chance.sounds["fit"])[0])
        print(row, flush=True)
        rows.append(row)
        presets[name] = result
    means = mean_presets(presets)
    for row in rows:
        played = presets[row["hit"]].played
        x, sr = hits[row["hit"]]
        row["mean"] = mrstft(x, np.asarray(means[row["chain"]].render(played, sr))[0])
    return [*rows, *_summaries(rows)]


def mrstft(x: np.ndarray, y: np.ndarray) -> float:
    """Over the shorter length, in float64."""
    n, total = min(x.size, y.size), 0.0
    for size in SIZES:
        a, b = (_magnitudes(np.asarray(v[:n], np.float64), size) for v in (x, y))
        total += np.linalg.norm(a - b) / np.linalg.norm(a) + np.mean(np.abs(np.log(a) - np.log(b)))
    return float(total / len(SIZES))


def _magnitudes(x: np.ndarray, size: int) -> np.ndarray:
    padded = np.pad(x, size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
    return np.maximum(np.abs(np.fft.rfft(frames * np.hanning(size + 1)[:-1])), FLOOR)


def t30_s(power: np.ndarray, rate: float) -> float:
    """The time of 60 dB by the slope of a level curve, `rate` powers a second, between 5 and 35 dB below its peak."""
    level = 10.0 * np.log10(np.convolve(power, np.ones(TOGETHER) / TOGETHER, mode="valid") + 1e-14)
    level = level[int(np.argmax(level)) :] - level.max()
    last = np.flatnonzero(level < -T30_DB[1])
    level = level[: int(last[0])] if last.size else level
    told = np.flatnonzero(level <= -T30_DB[0])
    if told.size < 3:
        told = np.arange(level.size)
    return float(-60.0 / rate / np.polyfit(told, level[told], 1)[0]) if told.size > 1 else np.nan


def _t30_s(x: np.ndarray, sr: int) -> float:
    hop = round(BLOCK_S * sr)
    return t30_s(np.square(x[: x.size // hop * hop].reshape(-1, hop)).mean(axis=1), sr / hop)


def main_hz(x: np.ndarray, sr: int) -> float:
    """Where the spectrum of the whole is highest."""
    size = 1 << (8 * x.size).bit_length()
    return float(np.argmax(np.abs(np.fft.rfft(x, size))) * sr / size)


def _noise(x: np.ndarray, sr: int, seed: int) -> np.ndarray:
    centre = band_centres(BANDS)
    power = band_powers(x, hats(np.fft.rfftfreq(2 * HOP, 1.0 / sr), centre, sr), 2 * HOP, HOP)
    frames = -(-x.size // HOP) + 1
    power = np.pad(power, ((0, max(0, frames - len(power))), (0, 0)), mode="edge")[:frames]
    return np.asarray(shaped_noise(jax.random.key(seed), np.sqrt(power).astype(np.float32), centre, x.size, sr, HOP))


def mono(path: Path) -> tuple[np.ndarray, int]:
    sound = dl.audio.load(path)
    return np.atleast_2d(sound.samples).mean(axis=0), sound.sr


def mean_presets(results: dict[str, Any]) -> dict[str, Preset]:
    alike = defaultdict(list)
    for result in results.values():
        alike[result.preset.chain].append(result.preset)
    found = {}
    for chain, presets in alike.items():
        space = dl.Space(dl.parse(chain))
        values = space.decode(np.mean([space.encode(preset.values) for preset in presets], axis=0))
        found[chain] = Preset.of(space.chain, values, presets[0].sample_rate)
    return found


def _summaries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for what, kinds in (("tonal", TONAL), ("noisy", NOISY)):
        of = [row for row in rows if row["hit"][:2] in kinds]
        if not of:
            continue
        found.append(
            {
                "hits": f"{what}, {len(of)}",
                "mrstft": float(np.median([row["mrstft"] for row in of])),
                "nearest": float(np.median([row["nearest"] for row in of])),
                "mean": float(np.median([row["mean"] for row in of])),
                "random": float(np.median([row.get("random", np.nan) for row in of])),
                "noise": f"{sum(row['mrstft'] <= 1.15 * row['noise'] for row in of)} <= 1.15 x",
                "t30": f"{sum(abs(row['t30']) <= 0.1 for row in of)} within 10 %",
                "pitch": f"{sum(abs(row['pitch']) <= 0.01 for row in of)} within 1 %",
                "beat nearest": f"{sum(row['mrstft'] < row['nearest'] for row in of)}",
                "seconds": float(np.median([row["seconds"] for row in of])),
                "process_seconds": float(np.median([row["process_seconds"] for row in of])),
            }
        )
    return found
