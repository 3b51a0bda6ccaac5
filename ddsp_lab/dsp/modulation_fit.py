"""Index and feedback of a frequency-modulated tone, from how strong its sidebands are, on the host."""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from .frame_view import frames
from .stft import hann

POINTS, TURNS = 512, 3  # of a turn of the modulator, and how many until its feedback has settled
INDICES = np.concatenate([np.linspace(0.0, 4.0, 17), np.linspace(4.5, 16.0, 24)])
FEEDBACKS = np.linspace(0.0, 1.4, 8)
SIDEBANDS = 24  # on each side
PERIODS, SHORTEST_S, LONGEST_S = 4.0, 0.02, 0.12  # of the sidebands' distance, and a frame at least and at most
SAME_HZ = 2.0  # nearer, two sidebands are one partial


class Modulation(NamedTuple):
    """The index and the carrier's amplitude of each frame, the feedback, and the share of the power that is explained
    where the frame is loud."""

    index: Float[np.ndarray, " n"]
    level: Float[np.ndarray, " n"]
    feedback: float
    explained: float


@cache
def _coefficients() -> Complex[np.ndarray, "b i 2k+1"]:
    r"""$c_k$ of $e^{i I g(\theta)} = \sum_k c_k e^{i k \theta}$ for each feedback and index, $g$ the modulator: without
    feedback they are Bessel functions, $J_k(I)$.

    Reference: Chowning, "The synthesis of complex audio spectra by means of frequency modulation", Journal of the Audio
    Engineering Society 21(7), 1973.
    """
    theta = 2.0 * np.pi * np.arange(POINTS) / POINTS
    wave, now = np.zeros((FEEDBACKS.size, POINTS)), np.zeros(FEEDBACKS.size)
    for _ in range(TURNS):
        for i, angle in enumerate(theta):
            now = np.sin(angle + FEEDBACKS * now)
            wave[:, i] = now
    turned = np.fft.fft(np.exp(1j * INDICES[:, None] * wave[:, None])) / POINTS
    return turned[..., np.arange(-SIDEBANDS, SIDEBANDS + 1)]


def _partials(carrier_hz: float, modulator_hz: float, sr: int) -> tuple[np.ndarray, np.ndarray]:
    """The frequencies of the partials, and (partials, sidebands) how much each sideband gives each: 1, or -1 where its
    conjugate counts because it is mirrored at 0 Hz."""
    hz = carrier_hz + np.arange(-SIDEBANDS, SIDEBANDS + 1) * modulator_hz
    kept = np.flatnonzero((np.abs(hz) < 0.45 * sr) & (np.abs(hz) > SAME_HZ))
    order = kept[np.argsort(np.abs(hz[kept]), kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(np.abs(hz[order])) > SAME_HZ) + 1)
    gives = np.zeros((len(parts), hz.size))
    for row, part in zip(gives, parts, strict=True):
        row[part] = np.sign(hz[part])
    return np.array([np.abs(hz[part]).mean() for part in parts]), gives


def modulation(
    x: Float[np.ndarray, " t"], sr: int, carrier_hz: float, modulator_hz: float, time_s: Float[np.ndarray, " n"]
) -> Modulation:
    """The index at each time, by the spectrum that is most like that of the frame about it, one feedback for all."""
    hz, gives = _partials(carrier_hz, modulator_hz, sr)
    size = 2 * (round(sr * np.clip(PERIODS / modulator_hz, SHORTEST_S, LONGEST_S)) // 2)
    window, view = hann(size), frames(np.asarray(x, np.float64), size, 1)
    at = np.minimum(np.rint(time_s * sr).astype(int), len(view) - 1)
    waves = window[:, None] * np.exp(-2j * np.pi / sr * np.outer(np.arange(size), hz))
    heard = 2.0 * np.abs(view[at] @ waves) / window.sum()
    c = _coefficients()
    made = np.abs(np.maximum(gives, 0.0) @ c[..., None] + np.minimum(gives, 0.0) @ np.conj(c)[..., None])[..., 0]
    size_of = np.linalg.norm(made, axis=-1) + 1e-9
    inner = np.einsum("np,bip->nbi", heard, made) / size_of
    power = np.square(heard).sum(axis=1)
    best = int(np.argmax(np.square(inner.max(axis=2)).sum(axis=0)))
    index = np.argmax(inner[:, best], axis=1)
    frame = np.arange(len(at))
    level = inner[frame, best, index] / size_of[best, index]
    explained = np.square(inner[frame, best, index]).sum() / (power.sum() + 1e-30)
    # of all that sounds, not only at these partials
    whole = 2.0 * np.square(view[at] * window).sum() / np.square(window).sum() if len(at) else 0.0
    return Modulation(
        INDICES[index], level, float(FEEDBACKS[best]), float(explained * min(1.0, power.sum() / (whole + 1e-30)))
    )
