"""A recording as one voice: the pitch it has, harmonics along it, and noise in bands for what is left, on the host."""

from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Array, Bool, Complex, Float
from scipy.ndimage import binary_dilation

from .._errors import AudioError
from .f0 import F0Track, track_f0
from .frame_view import hop_samples
from .harmonic_levels import Harmonics, read_harmonics, summed
from .loudness_track import track_loudness
from .noise_bands import band_centres, shaped_noise
from .noise_levels import read_noise

BANDS, LOWEST_HZ, HIGHEST_HZ = 64, 30.0, 19_000.0  # of noise
NOISE_HOPS = 2  # from one reading of the noise to the next: with one, its bands are as wide as 200 Hz
FAINT_DB = 60.0  # below the loudest frame, as they are heard, what repeats is a hum
AROUND = 4  # frames: a voice begins before it can be told from noise, and goes on after
SURE, DEEP_DB = 0.9, 40.0  # of the confidence, and below the loudest frame: what tells how a voice sounds
FEWEST = 20  # frames
NO_PITCH_HZ = 220.0  # of a sound without any


def centres(sr: int) -> Float[np.ndarray, " b"]:
    """The bands of the noise at a sample rate."""
    return band_centres(BANDS, LOWEST_HZ, min(HIGHEST_HZ, 0.45 * sr))


@dataclass(frozen=True)
class VoiceFrames:
    """One value a frame of `f0`, each `hop` samples, which is voiced where that is heard: `f0_hz`, which goes on where
    nothing is, the A-weighted level, and the `harmonics`; `noise`, levels in `centres(sr)` every `NOISE_HOPS` frames,
    is what they leave."""

    sr: int
    hop: int
    f0: F0Track
    f0_hz: Float[np.ndarray, " n"]
    loudness_db: Float[np.ndarray, " n"]
    harmonics: Harmonics
    noise: Float[np.ndarray, "m b"]

    @property
    def voiced(self) -> Bool[np.ndarray, " n"]:
        return self.f0.voiced

    @property
    def sounding(self) -> Bool[np.ndarray, " n"]:
        """The frames in which harmonics are heard: the voiced ones, and a little about them."""
        return binary_dilation(self.voiced, iterations=AROUND)


def followed(f0_hz: Float[np.ndarray, " n"], voiced: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The pitch, straight in cents over what has none."""
    if not voiced.any():
        return np.full(len(f0_hz), NO_PITCH_HZ)
    return np.exp(np.interp(np.arange(len(f0_hz)), np.flatnonzero(voiced), np.log(f0_hz[voiced])))


def analyse(x: Float[np.ndarray, " t"], sr: int) -> VoiceFrames:
    """Everything that is played again: `x` is mono, `sr` in Hz."""
    x, hop, f0, loudness_db = np.asarray(x, np.float64), hop_samples(sr), track_f0(x, sr), track_loudness(x, sr)
    f0 = replace(f0, voiced=f0.voiced & (loudness_db > loudness_db.max() - FAINT_DB))
    f0_hz = followed(f0.f0_hz, f0.voiced)
    harmonics = read_harmonics(x, sr, f0_hz, hop)
    frames = VoiceFrames(sr, hop, f0, f0_hz, loudness_db, harmonics, np.zeros((0, 0)))
    left = x - summed(harmonics.amplitude * frames.sounding[:, None], harmonics.turns, hop)
    return replace(frames, noise=read_noise(left, sr, centres(sr), NOISE_HOPS * hop))


def telling(frames: VoiceFrames, what: str) -> Bool[np.ndarray, " n"]:
    """The frames that tell how a voice sounds; raises `AudioError` where there are none."""
    loud = frames.voiced & (frames.loudness_db > frames.loudness_db.max() - DEEP_DB)
    sure = loud & (frames.f0.confidence > SURE)
    if loud.sum() < FEWEST:
        raise AudioError(
            "hear-pitchless",
            f"Of {what}, {loud.sum() * frames.hop / frames.sr:.2f} s have a pitch.",
            "Give a recording of one voice or one instrument that holds notes.",
        )
    return sure if sure.sum() >= FEWEST else loud


def played(
    amplitude: Complex[np.ndarray, "n k"],
    turns: Float[np.ndarray, " t"],
    noise: Float[np.ndarray, "m b"],
    sr: int,
    hop: int,
    key: Array,
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Harmonics along a phase, and noise; they add up to the voice."""
    hiss = shaped_noise(key, jax.numpy.asarray(noise, float), centres(sr), turns.size, sr, NOISE_HOPS * hop)
    return summed(amplitude, turns, hop), np.asarray(hiss, np.float64)
