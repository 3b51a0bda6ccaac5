"""Spectra and levels as one looks at them: over time, on the whole, and as curves."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.signal import get_window

LOWEST_HZ = 40.0
FRAME_S = 0.08  # of a spectrogram, at most
LEVEL_S = 0.05  # of a level
QUIET_DB = -120.0
BANDS_PER_OCTAVE = 6


def spectrogram_db(x: Float[np.ndarray, "c t"], sr: int, columns: int, rows: int) -> Float[np.ndarray, "rows columns"]:
    """Power in dB over `columns` even stretches of time and `rows` bands, even in log frequency, the highest first.

    Frames are Hann-weighted; a full-scale sine is 0 dB at its band's centre. Channels are averaged.
    """
    size = 1 << int(np.log2(FRAME_S * sr))
    window = get_window("hann", size)
    starts = np.linspace(0, max(0, x.shape[1] - 1), columns).astype(int)
    # mirrored at its ends, where a cut would look like a click
    room, mirrored = ((0, 0), (size // 2, size // 2)), "reflect" if x.shape[1] > size else "constant"
    padded = np.pad(np.pad(x, room, mirrored), ((0, 0), (0, size)))
    power = np.zeros((columns, size // 2 + 1))
    for channel in padded:
        frames = np.lib.stride_tricks.sliding_window_view(channel, size)[starts]
        power += np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    power *= 4.0 / (window.sum() ** 2 * x.shape[0])
    edges = np.geomspace(LOWEST_HZ, highest_hz(sr), rows + 1) * size / sr
    return decibels(_between(power, edges)).T[::-1]


def _between(power: Float[np.ndarray, "n bins"], edges: Float[np.ndarray, " rows+1"]) -> Float[np.ndarray, "n rows"]:
    """The mean power between edges, in bins; where they are less than a bin apart, what stands at their middle."""
    bins = power.shape[1]
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    means = np.diff(_at(total, np.clip(edges + 0.5, 0.0, bins)), axis=1) / np.diff(edges)
    return np.where(np.diff(edges) > 1.0, means, _at(power, 0.5 * (edges[1:] + edges[:-1])))


def _at(rows: Float[np.ndarray, "n bins"], places: Float[np.ndarray, " k"]) -> Float[np.ndarray, "n k"]:
    """Rows between their entries."""
    left = np.clip(places.astype(int), 0, rows.shape[1] - 2)
    share = np.clip(places - left, 0.0, 1.0)
    return (1.0 - share) * rows[:, left] + share * rows[:, left + 1]


def highest_hz(sr: int) -> float:
    return min(20_000.0, 0.5 * sr)


def band_levels_db(x: Float[np.ndarray, "c t"], sr: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The level of the whole recording in bands of a sixth of an octave: their centres in Hz, and dB."""
    energy = (np.abs(np.fft.rfft(x, axis=1)) ** 2).sum(axis=0) / x.shape[1] ** 2 / x.shape[0]
    count = int(BANDS_PER_OCTAVE * np.log2(highest_hz(sr) / LOWEST_HZ))
    edges = np.geomspace(LOWEST_HZ, highest_hz(sr), count + 1)
    at = np.clip(edges * x.shape[1] / sr, 0, len(energy))
    summed = np.interp(at, np.arange(len(energy) + 1), np.concatenate([[0.0], np.cumsum(energy)]))
    return np.sqrt(edges[1:] * edges[:-1]), decibels(2.0 * np.diff(summed))


def levels_db(x: Float[np.ndarray, "c t"], sr: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The RMS level over stretches of 50 ms: their middles in seconds, and dB."""
    size = max(1, min(int(LEVEL_S * sr), x.shape[1] // 4))
    pieces = x[:, : x.shape[1] // size * size].reshape(x.shape[0], -1, size)
    return (np.arange(pieces.shape[1]) + 0.5) * size / sr, decibels(np.mean(pieces**2, axis=(0, 2)))


def decibels(power: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    return 10.0 * np.log10(np.maximum(power, 10.0 ** (QUIET_DB / 10.0)))
