"""A snare drum."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._block import Context, Values
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.envelopes import dying
from ..dsp.harmonics import frames_for
from ..dsp.modal import modes
from ..dsp.noise_bands import band_centres, shaped_noise

BANDS = band_centres(24, 100.0, 16_000.0)
HOP = 256


@dataclass(frozen=True)
class Snare(Synth):
    """Two modes of the skin and the noise of the wires, each dying away in its own time.

    The knobs of the TR-808: `tune_hz`, `tone` (from the lower mode to the upper, `interval` times as high), `snappy`,
    the noise's level, and `colour_hz`, below which it fades at 12 dB an octave. In its times 60 dB are gone.
    """

    tail_s: ClassVar[float] = 2.0  # by when the longest decay is 60 dB down
    params = (
        Param("tune_hz", 80.0, 400.0, default=180.0, unit="Hz", scale="log"),
        Param("interval", 1.2, 3.0, default=1.83, scale="log"),
        Param("tone", 0.0, 1.0, default=0.4),
        Param("decay_s", 0.02, 1.0, default=0.25, unit="s", scale="log"),
        Param("snappy", 0.0, 1.0, default=0.5),
        Param("snappy_decay_s", 0.02, 2.0, default=0.35, unit="s", scale="log"),
        Param("colour_hz", 200.0, 8000.0, default=1500.0, unit="Hz", scale="log"),
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        t = note.seconds(samples, ctx.sr)
        low_hz = p["tune_hz"] * note.above
        f = jnp.stack([low_hz, low_hz * p["interval"]])
        level = jnp.stack([1.0 - p["tone"], p["tone"]])
        body = modes(f, jnp.broadcast_to(p["decay_s"], (2,)), level, note.lead(f, ctx.sr), samples, ctx.sr)
        passed = 1.0 / (1.0 + (p["colour_hz"] / BANDS) ** 2)
        levels = jnp.broadcast_to(passed, (frames_for(samples, HOP), BANDS.size))
        noise = shaped_noise(note.key, levels, BANDS, samples, ctx.sr, HOP) * dying(t, p["snappy_decay_s"])
        return body + 0.5 * p["snappy"] * noise
