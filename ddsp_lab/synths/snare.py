"""A snare drum."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.damped_modes import Mode, damped_modes
from ..dsp.envelopes import dying
from ..dsp.harmonics import frames_for
from ..dsp.modal import modes
from ..dsp.noise_bands import band_centres, shaped_noise
from ..dsp.noise_outline import NoiseOutline, outline
from ._hit import Hit, loudest_hit, within
from ._skin import PHASE

BANDS = band_centres(24, 100.0, 16_000.0)
HOP = 256
COLOURS_HZ = np.geomspace(200.0, 8000.0, 48)  # tried


@dataclass(frozen=True)
class Snare(Synth):
    """Two modes of the skin and the noise of the wires, each dying away in its own time.

    The knobs of the TR-808: `tune_hz`, `tone` (from the lower mode to the upper, `interval` times as high), `snappy`,
    the noise's level, and `colour_hz`, below which it fades at 12 dB an octave. In its times 60 dB are gone.
    """

    tail_s: ClassVar[float] = 2.0  # by when the longest decay is 60 dB down
    noise: ClassVar[tuple[str, ...]] = ("snappy",)
    rings: ClassVar[bool] = True
    pitched: ClassVar[bool] = False
    params = (
        Param("tune_hz", 80.0, 400.0, default=180.0, unit="Hz", scale="log"),
        Param("interval", 1.2, 3.0, default=1.83, scale="log"),
        Param("tone", 0.0, 1.0, default=0.4),
        Param("decay_s", 0.02, 1.0, default=0.25, unit="s", scale="log"),
        Param("snappy", 0.0, 1.0, default=0.5),
        Param("snappy_decay_s", 0.02, 2.0, default=0.35, unit="s", scale="log"),
        Param("colour_hz", 200.0, 8000.0, default=1500.0, unit="Hz", scale="log"),
        PHASE,
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        t = note.seconds(samples, ctx.sr)
        low_hz = p["tune_hz"] * note.above
        f = jnp.stack([low_hz, low_hz * p["interval"]])
        level = jnp.stack([1.0 - p["tone"], p["tone"]])
        body = modes(f, jnp.broadcast_to(p["decay_s"], (2,)), level, note.lead(f, ctx.sr) + p["phase"], samples, ctx.sr)
        passed = 1.0 / (1.0 + (p["colour_hz"] / BANDS) ** 2)
        levels = jnp.broadcast_to(passed, (frames_for(samples, HOP), BANDS.size))
        noise = shaped_noise(note.key, levels, BANDS, samples, ctx.sr, HOP) * dying(t, p["snappy_decay_s"])
        return body + 0.5 * p["snappy"] * noise

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The two strongest modes that can be the skin's, and the noise above them."""
        hit = loudest_hit(source, reference, ctx.sr)
        if hit is None:
            return []
        tune, interval = self.params[:2]
        found = damped_modes(hit.x, hit.sr, 3, tune.low * hit.above, tune.high * interval.high * hit.above)
        guesses = []
        for first, second in ((a, b) for i, a in enumerate(found) for b in found[i + 1 :]):
            low, high = sorted((first, second))
            if tune.low <= low.hz / hit.above <= tune.high and interval.low <= high.hz / low.hz <= interval.high:
                guesses.append((low, high))
        usual = float(np.asarray(interval.default))
        for mode in found:
            if mode.hz <= tune.high * hit.above:
                guesses.append((mode, mode._replace(hz=usual * mode.hz, level=0.0)))
            else:
                guesses.append((mode._replace(hz=mode.hz / usual, level=0.0), mode))
        above_hz = 1.5 * max((m.hz for m in found), default=tune.high)
        noise = outline(hit.x, hit.sr, _passed, above_hz)
        return [within(self, self._guess(hit, low, high, noise, p)) for low, high in guesses]

    def _guess(self, hit: Hit, low: Mode, high: Mode, noise: NoiseOutline | None, p: Values | None) -> Values:
        level = low.level + high.level
        loud = noise.level if noise else 0.0
        level = max(level, 2.0 * loud)  # the most that `snappy` makes of it
        loudest = max(low, high, key=lambda mode: mode.level)
        return {
            "tune_hz": low.hz / hit.above,
            "interval": high.hz / low.hz,
            "tone": high.level / max(low.level + high.level, 1e-9),
            "decay_s": loudest.t60_s,
            "snappy": 2.0 * loud / max(level, 1e-9),
            "snappy_decay_s": noise.t60_s if noise else 0.1,
            "colour_hz": float(COLOURS_HZ[noise.which]) if noise else 1500.0,
            "phase": loudest.phase,
            "level_db": hit.level_db(level, p),
        }


def _passed(hz: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + (COLOURS_HZ[:, None] / hz) ** 2)
