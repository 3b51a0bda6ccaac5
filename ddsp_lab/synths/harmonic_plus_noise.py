"""Harmonic-plus-noise synth: the tone of an instrument and its breath, each with a spectrum of its own."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._adsr import TAIL_S
from .._block import Context, Values
from .._param import Param
from .._synth import Note, Synth
from ..dsp.harmonics import frames_for
from ..dsp.noise_bands import band_centres, shaped_noise, shares
from ._amplifier import AMPLIFIER, envelope
from ._harmonics import gliding
from ._phase import TUNE

HOP = 256  # of the noise
LOWEST_HZ, HIGHEST_HZ = 60.0, 16_000.0  # centres of the outermost bands


@dataclass(frozen=True)
class HarmonicPlusNoise(Synth):
    r"""$A(t)\,[(1 - m) \sqrt2 \sum_k a_k \sin 2\pi k\varphi + m\,\nu]$, $\sum a_k^2 = 1$ and $\nu$ of variance 1.

    The levels $a_k$ in dB follow `tilt_db` an octave, with `gain_db` more for each of the first `shaped` of them. The
    noise has `noise_db` in bands that stand as the ear's do, from 60 Hz to 16 kHz; both count in proportion only. $m$
    is the share of `noise`. The phase $\varphi$ is that of the note, moved by `tune_st`; this, $m$ and `level_db` take
    curves, by which a recording's pitch and level can play it.

    References: Serra, Smith, "Spectral modeling synthesis: a sound analysis/synthesis system based on a deterministic
    plus stochastic decomposition", Computer Music Journal 14(4), 1990; Engel, Hantrakul, Gu, Roberts, "DDSP:
    differentiable digital signal processing", ICLR, 2020.
    """

    partials: Annotated[int, Meta(ge=2, le=256)] = 48
    shaped: Annotated[int, Meta(ge=1, le=256)] = 16
    bands: Annotated[int, Meta(ge=2, le=64)] = 16

    tail_s: ClassVar[float] = TAIL_S
    noise: ClassVar[tuple[str, ...]] = ("noise",)

    @property
    def params(self) -> tuple[Param, ...]:
        return (
            Param("tilt_db", -24.0, 6.0, default=-9.0, unit="dB"),
            Param("gain_db", -60.0, 24.0, default=0.0, unit="dB", shape=(min(self.shaped, self.partials),)),
            Param("noise_db", -72.0, 12.0, default=-12.0, unit="dB", shape=(self.bands,)),
            Param("noise", 0.0, 1.0, default=0.05, automatable=True),
            TUNE,
            *AMPLIFIER,
        )

    @property
    def centre_hz(self) -> Float[np.ndarray, " b"]:
        """The middles of the bands of the noise."""
        return band_centres(self.bands, LOWEST_HZ, HIGHEST_HZ)

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        sr = ctx.sr
        octaves = np.log2(np.arange(1, self.partials + 1))
        own_db = jnp.pad(p["gain_db"], (0, max(0, self.partials - self.shaped)))
        tone = gliding(note, p["tune_st"], 10.0 ** ((p["tilt_db"] * octaves + own_db) / 20.0), samples, sr)
        bands = 10.0 ** (p["noise_db"] / 20.0)
        power = jnp.mean(jnp.square(bands @ shares(self.centre_hz, HOP, sr).astype(np.float32)))
        levels = jnp.broadcast_to(bands / jnp.sqrt(power), (frames_for(samples, HOP), self.bands))
        breath = shaped_noise(note.key, levels, self.centre_hz, samples, sr, HOP)
        mixed = (1.0 - p["noise"]) * np.sqrt(2.0) * tone + p["noise"] * breath
        return mixed * envelope(p, note, samples, sr)
