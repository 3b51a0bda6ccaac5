"""What the recovery benchmarks share: trials, recordings, null baselines and the comparison of settings as curves."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import fftconvolve

import ddsp_lab as dl
from ddsp_lab._score import esr
from ddsp_lab.dsp import svf
from ddsp_lab.dsp.transfer import measure

TAPS = 512


def load(data: str | None, *parts: str) -> dl.audio.Recording:
    """A recording of the data folder."""
    return dl.audio.load(found(data, *parts))


def found(data: str | None, *parts: str) -> Path:
    """Where the recordings are."""
    if data is None:
        raise SystemExit("Say where the recordings are: --data FOLDER.")
    return Path(data, *parts)


def draw(chain: dl.Block, seed: int) -> Any:
    """Hidden values, uniform in each parameter's own scale."""
    return dl.Space(chain).sample(jax.random.key(seed))


def recover(
    chain: dl.Block,
    sound: dl.audio.Recording,
    draws: int,
    columns: Callable[[Any, dl.FitResult], Mapping[str, Any]],
    least: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Render the sound through hidden values, fit it by default, and compare; a row a draw, printed as it comes.

    Drawn again is what lies below `least`. `columns` tells from the hidden values and the result what is to be seen
    besides the ESR, that of the best gain and of the best filter, the seeds and the seconds.
    """
    rows: list[dict[str, Any]] = []
    for seed in itertools.count():
        if len(rows) == draws:
            break
        hidden = draw(chain, seed)
        if any(hidden.get(k, np.inf) < v for k, v in (least or {}).items()):
            continue
        wet = dl.render(chain, hidden, sound.samples, sound.sr)
        began = time.perf_counter()
        result = dl.fit(chain, sound.samples, wet, sound.sr)
        seconds = time.perf_counter() - began
        about = {"chain": str(chain), "draw": seed}
        scores = {
            "esr": result.metrics["esr_aligned"],
            "best_gain": best_gain(sound.samples, wet),
            "best_fir": best_fir(sound.samples, wet),
        }
        spent = {"evaluations": result.metrics["evaluations"], "seconds": seconds}
        rows.append(about | scores | dict(columns(hidden, result)) | spent)
        print(rows[-1], flush=True)
    return rows


def wanted(args: Any, draws: int) -> int:
    """How many draws were asked for, else `draws`."""
    return getattr(args, "draws", None) or draws


def count(rows: list[dict[str, Any]], column: str, most: float, unit: str = "") -> str:
    """How many are within that much of nothing."""
    return f"{sum(abs(r[column]) <= most for r in rows)} of {len(rows)} within {most:g}{unit}"


def median(rows: list[dict[str, Any]], column: str) -> str:
    values = [r[column] for r in rows]
    return f"median {np.median(values):.2g}, worst {max(values):.2g}"


def best_gain(x: np.ndarray, y: np.ndarray) -> float:
    """The ESR that the best gain alone leaves."""
    return esr(y, (np.vdot(x, y) / (np.vdot(x, x) + 1e-30)) * x)


def fir(x: np.ndarray, y: np.ndarray, taps: int = TAPS) -> np.ndarray:
    """The least-squares filter from `(samples,)` to `(samples,)`, slightly regularised."""
    n = 2 ** int(np.ceil(np.log2(x.size + taps)))
    fx, fy = np.fft.rfft(x, n), np.fft.rfft(y, n)
    auto, cross = np.fft.irfft(np.abs(fx) ** 2)[:taps], np.fft.irfft(np.conj(fx) * fy)[:taps]
    auto[0] *= 1.0 + 1e-6
    return solve_toeplitz(auto, cross)


def best_fir(x: np.ndarray, y: np.ndarray) -> float:
    """The ESR that the best filter alone leaves, on the recording it was computed from."""
    return esr(y, fftconvolve(x[0], fir(x[0], y[0]))[None, : x.shape[1]])


def eq_difference_db(bands: int, a: Any, b: Any, dry: np.ndarray, sr: int) -> float:
    """RMS difference in dB of two equalisers where the dry recording is within 60 dB of its loudest, less its mean."""
    seen = measure(dry, dry, sr)
    density = seen.energy / np.gradient(seen.frequency_hz)
    heard = seen.frequency_hz[density > 1e-6 * density.max()]
    kinds = dl.effects.ParametricEq(bands=bands).kinds

    def level(p: Any) -> np.ndarray:
        sections = svf.equaliser_sections(kinds, *(np.asarray(p[k]) for k in ("cutoff_hz", "gain_db", "q")), sr)
        return 20.0 * np.log10(np.abs(np.asarray(svf.response(sections, heard, sr))) + 1e-12)

    difference = level(a) - level(b)
    return float(np.std(difference))
