"""Filtered noise: breath, wind and waves."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._adsr import TAIL_S
from .._block import Context, Values
from .._param import Param
from .._synth import Note, Synth
from ..dsp.harmonics import frames_for
from ..dsp.noise_bands import band_centres, shaped_noise
from ._amplifier import AMPLIFIER, envelope

HOP = 256


@dataclass(frozen=True)
class FilteredNoise(Synth):
    r"""White noise with $g_b\,10^{-3 t / T_b}$ as its level in each band: `gain_db` and `decay_s`.

    The bands stand as the ear's do, from 60 Hz to 16 kHz, whatever the pitch of the note; at gains of 0 dB the noise
    has a variance of 1. In the time that is its decay a band loses 60 dB beside what the envelope takes from all.

    Reference: Serra, Smith, "Spectral modeling synthesis: a sound analysis/synthesis system based on a deterministic
    plus stochastic decomposition", Computer Music Journal 14(4), 1990.
    """

    bands: Annotated[int, Meta(ge=2, le=64)] = 16

    tail_s: ClassVar[float] = TAIL_S

    @property
    def params(self) -> tuple[Param, ...]:
        row = (self.bands,)
        return (
            Param("gain_db", -72.0, 12.0, default=-12.0, unit="dB", shape=row),
            Param("decay_s", 0.05, 20.0, default=10.0, unit="s", scale="log", shape=row),
            *AMPLIFIER,
        )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        centre_hz = band_centres(self.bands, 60.0, 16_000.0)
        t = HOP / ctx.sr * np.arange(frames_for(samples, HOP))[:, None]
        levels = 10.0 ** (p["gain_db"] / 20.0 - 3.0 * t / p["decay_s"])
        y = shaped_noise(note.key, levels, centre_hz, samples, ctx.sr, HOP)
        return y * envelope(p, note, samples, ctx.sr)
