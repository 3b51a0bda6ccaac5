"""A hi-hat: six squares in no simple ratio, and noise."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._block import Context, Values
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.band_limited import pulse
from ..dsp.envelopes import dying
from ..dsp.noise import normal
from ..dsp.phase import steady
from ..dsp.state_space import lti
from ..dsp.svf import cascade, plain_section

SQUARES = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0], np.float32) / 800.0


@dataclass(frozen=True)
class Hihat(Synth):
    """The TR-808's six squares, of which the highest is at `tune_hz`, mixed by `noise` with white noise, through two
    high-passes in a row at `cutoff_hz`, dying away by 60 dB in `decay_s`: closed at 0.1 s, open at 1 s.

    Reference: Werner, Abel, Smith, "The TR-808 cymbal: a physically-informed, circuit-bendable, digital model", ICMC,
    2014 (the frequencies).
    """

    tail_s: ClassVar[float] = 4.0  # by when the longest decay is 60 dB down
    params = (
        Param("tune_hz", 300.0, 2400.0, default=800.0, unit="Hz", scale="log"),
        Param("noise", 0.0, 1.0, default=0.3),
        Param("cutoff_hz", 1000.0, 14_000.0, default=7000.0, unit="Hz", scale="log"),
        Param("q", 0.5, 4.0, default=0.9, scale="log"),
        Param("decay_s", 0.02, 4.0, default=0.15, unit="s", scale="log"),
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        n, hz = jnp.arange(samples, dtype=jnp.int32), p["tune_hz"] * note.above
        f = jnp.minimum(SQUARES[:, None] * hz, 0.3 * ctx.sr)
        squares = jnp.sum(pulse(steady(f, n, ctx.sr) + note.lead(f, ctx.sr), f / ctx.sr), axis=0)
        noise = normal(note.key, (samples,))
        y = ((1.0 - p["noise"]) / np.sqrt(6.0) * squares + p["noise"] * noise)[None]
        cutoff_hz = jnp.broadcast_to(p["cutoff_hz"], (2,))
        section = plain_section("high_pass", cutoff_hz, jnp.broadcast_to(p["q"], (2,)), ctx.sr)
        _, y = lti(cascade(section), y, jnp.zeros((1, 4), y.dtype))
        return y[0] * dying(note.seconds(samples, ctx.sr), p["decay_s"])
