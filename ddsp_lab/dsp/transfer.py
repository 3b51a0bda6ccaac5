"""The transfer function between two recordings, measured in narrow bands."""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from .stft import hann

FFT = 16384
BANDS_PER_OCTAVE = 24


class Transfer(NamedTuple):
    """Complex response, source energy and coherence in bands about `frequency_hz`."""

    frequency_hz: np.ndarray
    response: np.ndarray
    energy: np.ndarray
    coherence: np.ndarray

    def at(self, where: np.ndarray) -> "Transfer":
        return Transfer(*(a[where] for a in self))


def spectra(x: np.ndarray, fft: int = FFT) -> np.ndarray:
    """Hann-weighted spectra of `(channels, samples)` every quarter window, (frames, bins), in float64."""
    x = np.pad(np.asarray(x, np.float64), ((0, 0), (0, max(0, fft - x.shape[1]))))
    frames = np.lib.stride_tricks.sliding_window_view(x, fft, axis=1)[:, :: fft // 4]
    return np.fft.rfft(frames * hann(fft)).reshape(-1, fft // 2 + 1)


def band_edges(sr: float) -> np.ndarray:
    """The first bin of each band, and the end of the last."""
    octaves = np.log2(0.45 * sr / 20.0)
    edges = 20.0 * 2.0 ** np.linspace(0.0, octaves, max(2, int(BANDS_PER_OCTAVE * octaves)))
    return np.unique(np.clip(np.round(edges * FFT / sr).astype(int), 1, FFT // 2))


def measure(source: np.ndarray, reference: np.ndarray, sr: float) -> Transfer:
    r"""Least-squares response $\hat H = \sum \bar X Y / \sum |X|^2$ over the frames and bins of each band.

    Bands are a 24th of an octave wide, or one bin where that is wider, from 20 Hz to 0.45 of the sample rate.

    Reference: Bendat, Piersol, "Random Data", 4th ed., Wiley, 2010, chapter 6 (the H1 estimate).
    """
    x, y = spectra(source), spectra(reference)
    bins = band_edges(sr)
    power, out, cross = (
        np.add.reduceat(v, bins)[:-1]
        for v in ((np.abs(x) ** 2).sum(0), (np.abs(y) ** 2).sum(0), (np.conj(x) * y).sum(0))
    )
    centre = 0.5 * (bins[:-1] + bins[1:] - 1) * sr / FFT
    heard = (power > 1e-12 * power.max(initial=1e-300)) & (np.abs(cross) > 0.0)
    coherence = np.abs(cross) ** 2 / (power * out + 1e-300)
    return Transfer(centre, cross / (power + 1e-300), power, np.clip(coherence, 0.0, 1.0)).at(heard)


def shifted(x: np.ndarray, samples: float) -> np.ndarray:
    """`(channels, samples)` later by a fraction of samples, by turning the phase of the zero-padded spectrum."""
    size = next_fast_len(x.shape[1] + 2 * FFT, real=True)
    padded = np.pad(np.asarray(x, np.float64), ((0, 0), (FFT, size - x.shape[1] - FFT)))
    turned = rfft(padded) * np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size * samples)
    return irfft(turned, size)[:, FFT : FFT + x.shape[1]]
