"""Declipping, filling gaps, taking off a room: the sound itself is fitted, as sparse as it can be, through its damage.

python examples/restore.py FOLDER                      # a clipped tone, and how much of it comes back
python examples/restore.py FOLDER clip clipped.wav     # or mask torn.wav, or "ir(file='room.wav')" roomy.wav
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import ddsp_lab as dl
from ddsp_lab.dsp.stft import stft

FLOORS = (0.3, 0.03, 0.003)  # of the clipping level: coarse first, because the finest surface is full of holes
SIZE, STEPS, RATE, LEVEL = 4096, 250, 0.05, 0.1  # the last: the loudest sample in the fit, as taps go up to 2
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


def restore(sound: np.ndarray, sr: int, damage: str) -> np.ndarray:
    """`(samples,)` as it was before `damage`, the sparsest such; what the damage left alone stays to the bit."""
    level, beside = np.abs(sound).max(), int(BESIDE_S * sr)
    known = f"clip(level_db={20 * np.log10(LEVEL)})" if damage == "clip" else damage
    around, whole = np.pad(sound, beside), []
    for start in range(0, sound.size, int(PIECE_S * sr)):
        piece = around[start : start + int(PIECE_S * sr) + 2 * beside]
        whole.append(sparsest(piece * (LEVEL / level), sr, known)[beside : piece.size - beside] * (level / LEVEL))
    x, size = np.concatenate(whole), np.abs(sound)
    if damage == "clip":
        return np.where(size >= 0.999 * level, np.sign(sound) * np.maximum(np.sign(sound) * x, size), sound)
    return np.where(size > 0.0, sound, x) if damage == "mask" else x


def sparsest(sound: np.ndarray, sr: int, damage: str) -> np.ndarray:
    """The taps of a convolution that make the sound out of a click, seen through the damage."""
    click, x = np.eye(1, sound.size, dtype=np.float32)[0], sound
    for floor in FLOORS:
        target = 1e3 / LEVEL**2 * dl.targets.Mse().observed_through(damage) + Sparsity(floor * LEVEL)
        optimizer = f"adam(steps={STEPS}, learning_rate={RATE * LEVEL / 4.0})"
        fit = dl.fit(dl.effects.Convolution.from_taps(x), click, sound, sr, target, optimizer, align=False)
        x = np.asarray(fit.values["taps"])
    return x


def sdr(truth: np.ndarray, x: np.ndarray) -> float:
    return float(10.0 * np.log10(np.sum(truth**2) / np.sum((truth - x) ** 2)))


def tone(sr: int, seconds: float) -> np.ndarray:
    t = np.arange(int(sr * seconds)) / sr
    return sum(np.sin(2 * np.pi * 196.0 * k * t + k * k) / k for k in range(1, 9)) * np.exp(-2.0 * (t % 0.5)) / 4.0


if __name__ == "__main__":
    folder, damage, file = [*sys.argv[1:], "clip", ""][:3]
    dl.tune_process()
    truth = tone(16_000, 1.0)
    given = dl.audio.load(file) if file else dl.audio.Recording(np.clip(truth, -0.3, 0.3)[None], 16_000)
    whole = np.stack([restore(row, given.sr, damage) for row in given.samples])
    if not file:
        print(f"signal to distortion {sdr(truth, given.samples[0]):.1f} dB, {sdr(truth, whole[0]):.1f} dB after")
    dl.audio.save(Path(folder) / "whole.wav", whole, given.sr)
