"""How spectra move: a scalogram, and waves over time and log frequency in it."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int
from scipy.fft import next_fast_len

from .frames import moving_sums, pieces
from .stft import frame_count, stft

HOP_S = 0.005
WINDOWS = (16, 4)  # hops: of the window for the bands that need its resolution, and for those above them
LOWEST_HZ = 55.0
FLOOR = 1e-3  # amplitude of a sine, above which level counts in proportion to its logarithm
RATES_HZ = (2.0, 4.0, 8.0, 16.0, 32.0)  # of waves over time
SCALES = (0.5, 1.0, 2.0)  # cycles an octave, of waves over frequency
SPREAD = 0.35  # of a wave's frequency: the standard deviation of what passes, so that neighbours an octave apart meet
REACH = 4.0  # standard deviations, after which a wave ends
TINY = 1e-12


def hop_samples(sr: float) -> int:
    return next_fast_len(max(4, round(HOP_S * sr)), real=True)


def band_centres(sr: float, per_octave: int) -> np.ndarray:
    """Evenly spaced in log frequency from 55 Hz to 0.45 of the sample rate, in Hz."""
    octaves = max(np.log2(0.45 * sr / LOWEST_HZ), 0.0)
    return LOWEST_HZ * 2.0 ** (np.arange(int(octaves * per_octave) + 1) / per_octave)


def scalogram(
    x: Float[Array, "c t"], sr: int, per_octave: int, length: Int[Array, ""]
) -> Float[Array, "c frames bands"]:
    r"""$\ln (1 + |a|^2 / \epsilon^2) / 2$ of the amplitude in bands every 5 ms, $\epsilon$ at -60 dB, 0 in padding.

    Power of short-time spectra in triangles as wide as the bands are apart, or as a bin where that is wider. Windows
    are 20 ms, and 80 ms for bands narrower than a bin of the shorter: wide enough to take the modulus every 5 ms.
    """
    hop, centre = hop_samples(sr), band_centres(sr, per_octave)
    width = centre * (2.0 ** (1.0 / per_octave) - 1.0)
    narrow = width < sr / (WINDOWS[1] * hop)
    powers = []
    for window, mine in zip((hop * n for n in WINDOWS), (narrow, ~narrow), strict=True):
        bin_hz = sr / window
        hz = np.arange(window // 2 + 1)[:, None] * bin_hz
        weights = np.maximum(0.0, 1.0 - np.abs(hz - centre[mine]) / np.maximum(width[mine], bin_hz))
        z = stft(x, window, hop, window, length=length) * (4.0 / window)  # a sine has its amplitude
        powers.append((z.real**2 + z.imag**2) @ weights.astype(x.dtype))
    log = 0.5 * jnp.log1p(jnp.concatenate(powers, axis=2) / FLOOR**2)
    return jnp.where((jnp.arange(log.shape[1]) < frame_count(length, hop))[:, None], log, 0.0)


def morlet(frequency: float, step: float) -> np.ndarray:
    """A wave of `frequency` under a Gaussian, sampled every `step`, without mean, of unit gain where it is greatest."""
    sd = 1.0 / (2.0 * np.pi * SPREAD * frequency)
    reach = int(REACH * sd / step)
    t = step * np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 * (t / sd) ** 2)
    wave = bell * np.exp(2j * np.pi * frequency * t)
    wave -= bell * wave.sum() / bell.sum()
    return wave / np.abs(np.sum(wave * np.exp(-2j * np.pi * frequency * t)))


def across(bands: int, per_octave: int) -> np.ndarray:
    """(paths, bands, bands): waves over log frequency of either sign, and a bell for what does not wave."""
    waves = [morlet(scale, 1.0 / per_octave) for scale in SCALES]
    bell = np.abs(waves[0]) + 0j
    lag = np.subtract.outer(np.arange(bands), np.arange(bands))

    def between(row: np.ndarray) -> np.ndarray:
        at = lag + len(row) // 2
        return np.where((at >= 0) & (at < len(row)), row[np.clip(at, 0, len(row) - 1)], 0.0)

    return np.stack([between(row) for row in (*waves, *(w.conj() for w in waves), bell / bell.sum())])


def over_time(u: Float[Array, "c frames bands"], rate_hz: float, step_s: float) -> Complex[Array, "c frames bands"]:
    """The part of each band that goes up and down at about `rate_hz`, as a turning phasor."""
    wave = morlet(rate_hz, step_s)
    reach, frames = len(wave) // 2, u.shape[1]
    size = next_fast_len(frames + len(wave))
    transfer = np.fft.fft(wave, size).astype(np.result_type(u.dtype, np.complex64))
    return jnp.fft.ifft(jnp.fft.fft(u, size, axis=1) * transfer[:, None], axis=1)[:, reach : reach + frames]


def smoothed(v: Float[Array, "*d frames bands"], frames: int) -> Float[Array, "n bands blocks"]:
    """Means over windows of twice `frames` frames, half overlapping, for each band."""
    rows = jnp.swapaxes(v, -1, -2).reshape(-1, v.shape[-2])
    return moving_sums(jnp.sum(pieces(rows, frames), axis=2), 2) / (2 * frames)


def modulations(
    u: Float[Array, "c frames bands"], real: Bool[Array, " frames"], per_octave: int, step_s: float, frames: int
) -> list[Float[Array, "n blocks"]]:
    r"""$|u \ast \psi_\alpha(t) \psi_\beta(\log f)|$ averaged over time, for each rate $\alpha$ all scales $\beta$ of
    both signs: how much of each chirp, tremolo and ripple there is about each frequency and time.

    Reference: Andén, Lostanlen, Mallat, "Joint time-frequency scattering", IEEE Transactions on Signal Processing
    67(14), 2019.
    """
    waves = across(u.shape[2], per_octave).astype(np.result_type(u.dtype, np.complex64))
    out = []
    for rate in RATES_HZ:
        y = jnp.einsum("ctb,pab->cpta", over_time(u, rate, step_s), waves)
        size = jnp.sqrt(y.real**2 + y.imag**2 + TINY)
        out.append(smoothed(jnp.where(real[:, None], size, 0.0), frames))
    return out
