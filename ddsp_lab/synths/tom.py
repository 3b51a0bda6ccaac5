"""A tom, or a conga."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.envelopes import dying
from ..dsp.falling_pair import SOONER, FallingPair, falling_pair
from ..dsp.falling_tone import falling_tones
from ..dsp.harmonics import frames_for
from ..dsp.noise_bands import band_centres, shaped_noise
from ..dsp.noise_outline import outline
from ._hit import Hit, loudest_hit, within
from ._skin import PHASE, falling_hz, sine

BANDS = band_centres(24, 40.0, 16_000.0)
HOP = 256
COLOURS_HZ = np.geomspace(100.0, 8000.0, 48)  # tried
MOST_ST, HIGHEST_HZ = 24.0, 2000.0  # of the skin, that an estimate looks at


@dataclass(frozen=True)
class Tom(Synth):
    r"""Two sines of falling pitch, $f(t) = f_0\,2^{(p - 60) / 12}\,2^{s\,10^{-3 t / T_s} / 12}$ and `interval` times as
    much, and a rumble of noise.

    The knobs of the TR-808 and TR-909: `tune_hz` ($f_0$ at a pitch of 60), `sweep_st` ($s$), `sweep_ms` ($T_s$) and
    `decay_s`; `overtone` mixes in the upper sine, which dies away in half the time, and `noise` what is beside them,
    which fades above `colour_hz` at 12 dB an octave: a conga has none. In its times 60 dB are gone; it does not mind
    how long the note is. The interval begins as that of an ideal membrane's first two modes.

    References: Roland Corporation, "TR-808 service notes", 1981 (the parts); Fletcher, Rossing, "The Physics of Musical
    Instruments", 2nd ed., Springer, 1998, section 3.5 (the interval).
    """

    tail_s: ClassVar[float] = 4.0  # by when the longest decay is 60 dB down
    noise: ClassVar[tuple[str, ...]] = ("noise",)
    rings: ClassVar[bool] = True
    pitched: ClassVar[bool] = False
    params = (
        Param("tune_hz", 50.0, 500.0, default=120.0, unit="Hz", scale="log"),
        Param("sweep_st", 0.0, 24.0, default=4.0, unit="st"),
        Param("sweep_ms", 5.0, 500.0, default=100.0, unit="ms", scale="log"),
        Param("decay_s", 0.05, 4.0, default=0.5, unit="s", scale="log"),
        Param("overtone", 0.0, 1.0, default=0.15),
        Param("interval", 1.2, 3.0, default=1.593, scale="log"),
        Param("noise", 0.0, 1.0, default=0.1),
        Param("noise_decay_s", 0.02, 4.0, default=0.4, unit="s", scale="log"),
        Param("colour_hz", 100.0, 8000.0, default=500.0, unit="Hz", scale="log"),
        PHASE,
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        t = note.seconds(samples, ctx.sr)
        hz = falling_hz(p, note, t)
        skin = (1.0 - p["overtone"]) * sine(hz, note, ctx.sr, p["phase"]) * dying(t, p["decay_s"])
        upper = p["overtone"] * sine(p["interval"] * hz, note, ctx.sr) * dying(t, SOONER * p["decay_s"])
        passed = 1.0 / (1.0 + (BANDS / p["colour_hz"]) ** 2)
        levels = jnp.broadcast_to(passed, (frames_for(samples, HOP), BANDS.size))
        noise = shaped_noise(note.key, levels, BANDS, samples, ctx.sr, HOP) * dying(t, p["noise_decay_s"])
        return skin + upper + p["noise"] * noise

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The falling tone as the lower sine and as the upper one, and the noise in what is left by both."""
        hit = loudest_hit(source, reference, ctx.sr)
        if hit is None:
            return []
        tune, _, _, _, _, interval = self.params[:6]
        low_hz, high_hz = tune.low * hit.above, tune.high * hit.above
        tones = falling_tones(hit.x, hit.sr, (low_hz, high_hz * interval.high), MOST_ST, HIGHEST_HZ)
        pair = falling_pair(hit.x, hit.sr, tones, (low_hz, high_hz), MOST_ST, HIGHEST_HZ)
        if pair is None:
            return []
        guess = self._guess(hit, pair, p)
        return [guess, guess | {"noise": 0.0, "overtone": 0.0}]

    def _guess(self, hit: Hit, pair: FallingPair, p: Values | None) -> Values:
        left = hit.x - pair.sound(np.arange(hit.x.size) / hit.sr)
        noise = outline(left, hit.sr, _passed, 1.5 * pair.interval * pair.lower.hz)
        level = max(pair.lower.level + pair.upper, noise.level if noise else 0.0, 1e-9)
        guess = {
            "tune_hz": pair.lower.hz / hit.above,
            "sweep_st": pair.lower.sweep_st,
            "sweep_ms": 1e3 * pair.lower.sweep_s,
            "phase": pair.lower.phase,
            "decay_s": pair.lower.t60_s,
            "overtone": pair.upper / max(pair.lower.level + pair.upper, 1e-9),
            "interval": pair.interval,
            "noise": noise.level / level if noise else 0.0,
            "noise_decay_s": noise.t60_s if noise else 0.1,
            "colour_hz": float(COLOURS_HZ[noise.which]) if noise else 500.0,
            "level_db": hit.level_db(level, p),
        }
        return within(self, guess)


def _passed(hz: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + (hz / COLOURS_HZ[:, None]) ** 2)
