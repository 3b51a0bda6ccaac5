"""Declipping: the sound itself is what is fitted, seen through the clipping, and as sparse as it can be.

python examples/declip.py FOLDER [clipped.wav]        # without a file: a clipped tone, and how much of it comes back
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl
from ddsp_lab.dsp.stft import stft

FLOORS = (0.3, 0.03, 0.003)  # of the clipping level: coarse first, because the finest surface is full of holes
SIZE, STEPS, RATE = 4096, 250, 0.05
LEVEL = 0.1  # the clipping level in the fit: a tap of a convolution goes up to 2
PIECE_S, BESIDE_S = 2.0, 0.25  # what is fitted at a time, and how much of its neighbours with it


@dataclass(frozen=True)
class Sparsity(dl.Target):
    """The mean logarithm of power above a floor: low where few bins of a spectrum hold all the sound."""

    floor: float = 0.003
    hears = ("spectrum",)

    def prepare(self, reference, sr, length=None):
        return ()

    def distance(self, features, y, sr):
        z = stft(y, SIZE, SIZE // 4, SIZE)
        return jnp.mean(jnp.log((z.real**2 + z.imag**2) / (self.floor**2 * SIZE) + 1.0))


def declip(clipped: np.ndarray, sr: int) -> np.ndarray:
    """`(samples,)` without its clipping; what was not clipped stays to the bit, and the rest goes at least as far."""
    level, beside = np.abs(clipped).max(), int(BESIDE_S * sr)
    around, whole = np.pad(clipped, beside), []
    for start in range(0, clipped.size, int(PIECE_S * sr)):
        piece = around[start : start + int(PIECE_S * sr) + 2 * beside]
        whole.append(restored(piece * (LEVEL / level), sr)[beside : piece.size - beside] * (level / LEVEL))
    x, at_limit = np.concatenate(whole), np.abs(clipped) >= 0.999 * level
    return np.where(at_limit, np.sign(clipped) * np.maximum(np.sign(clipped) * x, np.abs(clipped)), clipped)


def restored(clipped: np.ndarray, sr: int) -> np.ndarray:
    """The taps of a convolution that make the sound out of a click."""
    click, x = np.eye(1, clipped.size, dtype=np.float32)[0], clipped
    for floor in FLOORS:
        target = 1e3 / LEVEL**2 * dl.targets.Mse().observed_through(f"clip(level_db={20 * np.log10(LEVEL)})")
        target = target + Sparsity(floor=floor * LEVEL)
        optimizer = f"adam(steps={STEPS}, learning_rate={RATE * LEVEL / 4.0})"
        fit = dl.fit(dl.effects.Convolution.from_taps(x), click, clipped, sr, target, optimizer, align=False)
        x = np.asarray(fit.values["taps"])
    return x


def sdr(truth: np.ndarray, x: np.ndarray) -> float:
    return float(10.0 * np.log10(np.sum(truth**2) / np.sum((truth - x) ** 2)))


def tone(sr: int, seconds: float) -> np.ndarray:
    t = np.arange(int(sr * seconds)) / sr
    return sum(np.sin(2 * np.pi * 196.0 * k * t + k * k) / k for k in range(1, 9)) * np.exp(-2.0 * (t % 0.5)) / 4.0


if __name__ == "__main__":
    folder, *file = map(Path, sys.argv[1:])
    dl.tune_process()
    truth = tone(16_000, 1.0)
    made = dl.audio.Recording(np.clip(truth, -0.3, 0.3)[None], 16_000)
    clipped, sr = (sound := dl.audio.load(file[0]) if file else made).samples, sound.sr
    whole = np.stack([declip(row, sr) for row in clipped])
    if not file:
        print(f"signal to distortion {sdr(truth, clipped[0]):.1f} dB clipped, {sdr(truth, whole[0]):.1f} dB after")
    dl.audio.save(folder / "whole.wav", whole, sr)
