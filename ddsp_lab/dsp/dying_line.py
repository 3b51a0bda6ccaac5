"""How loud what dies away begins, and how fast it does, on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .frame_view import frames
from .stft import hann

SIZE, HOP = 512, 128  # of spectra: short, because drums are
DEEP_DB, STEEP_DB = 90.0, 30.0  # looked at below the peak; of it, that tells the slope
ABOVE = 2.0  # times the floor: where a line has reached it
TAILS = 3  # times that what lies beyond the end is added anew
SIXTY_DB = 6.0 * np.log(10.0)  # nepers of power


class Line(NamedTuple):
    """Power at the beginning, and the seconds in which 60 dB are gone."""

    power: float
    t60_s: float


def dying_line(power: Float[np.ndarray, " n"], hop_s: float, floor: float = 0.0) -> Line | None:
    r"""The line $P\,10^{-6 t / T}$ of a power that dies away, one value every `hop_s`; None of silence.

    The slope is that of the energy still to come, which is smooth where the power is noise, from the loudest moment
    until the noise `floor`; $P$ has the energy of what was heard, as if all of it had begun at the first value.

    Reference: Schroeder, "New method of measuring reverberation time", Journal of the Acoustical Society of America
    37(3), 1965.
    """
    sound = np.maximum(np.asarray(power, np.float64) - floor, 0.0)
    first = int(np.argmax(sound)) if sound.size else 0
    if not sound.size or sound[first] <= 0.0:
        return None
    smooth = np.convolve(power, np.ones(3) / 3.0, mode="same")
    least = max(ABOVE * floor, 10.0 ** (-DEEP_DB / 10.0) * sound[first])
    faint = np.flatnonzero(smooth[first:] < least)
    heard = sound[first : first + (max(2, int(faint[0])) if faint.size else sound.size)]
    to_come = np.cumsum(heard[::-1])[::-1] * hop_s
    rate = heard[0] / to_come[0]
    for _ in range(TAILS):
        beyond = float(np.mean(heard[-3:])) / rate
        energy = to_come + beyond
        told = max(3, int(np.searchsorted(-energy, -(10.0 ** (-STEEP_DB / 10.0)) * energy[0])))
        t, fall = hop_s * np.arange(len(heard))[:told], np.log(energy[:told])
        if len(t) < 3:
            break
        rate = max(float(-np.polyfit(t, fall, 1, w=np.sqrt(energy[:told] / energy[0]))[0]), 1e-3)
    return Line(float(np.sum(sound[:first]) * hop_s + to_come[0]) * rate, SIXTY_DB / rate)


def powers(x: Float[np.ndarray, " t"], hop: int) -> Float[np.ndarray, " n"]:
    """Mean squares of stretches of `hop` samples, the last one left out where it is not whole."""
    whole = x[: max(1, x.size // hop) * hop]
    return np.square(whole.reshape(-1, min(hop, whole.size))).mean(axis=1)


def band_powers(
    x: Float[np.ndarray, " t"], shares: Float[np.ndarray, "bands bins"], size: int = SIZE, hop: int = HOP
) -> Float[np.ndarray, "frames bands"]:
    """The power about each band's middle, 1 that of white noise of variance 1, in frames centred on every `hop`-th
    sample; `shares` says how much a bin of `size` counts for a band."""
    window = hann(size)
    spectra = np.abs(np.fft.rfft(frames(x, size, hop) * window)) ** 2 / np.sum(window**2)
    return spectra @ (shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)).T
