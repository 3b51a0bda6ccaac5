"""A recording's timbre as one patch of `harmonic_plus_noise`, without a search."""

from __future__ import annotations

import numpy as np

from ._preset import Preset
from .dsp.voice_frames import NOISE_HOPS, VoiceFrames, centres, telling
from .synths.harmonic_plus_noise import HarmonicPlusNoise

FAINT = 1e-5  # of the loudest harmonic: no level is read below
SHARED_DB = 6.0  # what a level of its own costs a harmonic as much as an error
TAKEN = 0.02  # of the power: the least noise


def patch(frames: VoiceFrames) -> Preset:
    """The mean power of each harmonic and of the noise in each band, over the frames that tell a timbre.

    Raises `AudioError` (`hear-pitchless`).
    """
    chain, told = HarmonicPlusNoise(), np.flatnonzero(telling(frames, "the timbre's recording"))
    low, high = ({q.name: getattr(q, k) for q in chain.params} for k in ("low", "high"))
    level = frames.harmonics.level[told, : chain.partials]
    power = np.mean(np.square(level), axis=0)
    tone_db = 10.0 * np.log10(power / power.max() + FAINT**2)
    octaves = np.log2(np.arange(1, len(tone_db) + 1))
    heard = power > FAINT**2 * power.max()
    tilt = float(np.polyfit(octaves[heard], tone_db[heard], 1)[0]) if heard.sum() > 1 else -12.0
    tilt_db = float(np.clip(tilt, low["tilt_db"], high["tilt_db"]))
    own_db = np.full(chain.shaped, low["gain_db"])
    own_db[: len(tone_db)] = (tone_db - tilt_db * octaves)[: chain.shaped]
    noise = np.mean(np.square(frames.noise[np.minimum(told // NOISE_HOPS, len(frames.noise) - 1)]), axis=0)
    noise_db = 10.0 * np.log10(np.interp(chain.centre_hz, centres(frames.sr), noise) + 1e-20)
    total = np.mean(noise) * 2.0 / max(float(power.sum()), 1e-20)
    share = np.sqrt(max(total, TAKEN**2)) / (1.0 + np.sqrt(max(total, TAKEN**2)))
    found = {
        "tilt_db": tilt_db,
        "gain_db": np.clip(own_db - own_db.max(), low["gain_db"], high["gain_db"]),
        "noise_db": np.clip(noise_db - noise_db.max(), low["noise_db"], high["noise_db"]),
        "noise": float(np.clip(share, 0.0, 1.0)),
        "sustain": 1.0,
    }
    return Preset.of(chain, found, frames.sr)
