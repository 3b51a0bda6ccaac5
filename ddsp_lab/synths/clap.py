"""A hand clap: bursts of noise, as of several hands, and the room that they are in."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float
from msgspec import Meta

from .._block import Context, Values
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.envelopes import bent, dying
from ..dsp.noise import normal
from ..dsp.state_space import lti
from ..dsp.svf import one, plain_section

RISE_S = 1e-3  # of a burst: a jump would tell a gradient nothing of when it is


@dataclass(frozen=True)
class Clap(Synth):
    """White noise through a band-pass at `tune_hz`, for a pitch of 60, under the sum of two envelopes: the TR-808's.

    One has `bursts` every `spread_ms`, which die away in `burst_ms`, the last of them in `decay_s`; the other begins
    with the last, at the level `room`, and dies away in `room_decay_s`. In its times 60 dB are gone. The noise has the
    same power whatever the band is.

    Reference: Roland Corporation, "TR-808 service notes", 1981 (the parts).
    """

    bursts: Annotated[int, Meta(ge=2, le=8)] = 4

    tail_s: ClassVar[float] = 4.0  # by when the longest decay is 60 dB down
    params = (
        Param("tune_hz", 300.0, 4000.0, default=1000.0, unit="Hz", scale="log"),
        Param("q", 0.3, 8.0, default=1.5, scale="log"),
        Param("spread_ms", 4.0, 30.0, default=10.0, unit="ms", scale="log"),
        Param("burst_ms", 4.0, 100.0, default=20.0, unit="ms", scale="log"),
        Param("decay_s", 0.02, 1.0, default=0.1, unit="s", scale="log"),
        Param("room", 0.0, 1.0, default=0.3),
        Param("room_decay_s", 0.05, 4.0, default=0.6, unit="s", scale="log"),
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        t = note.seconds(samples, ctx.sr)
        hz = p["tune_hz"] * note.above
        band = one(plain_section("band_pass", jnp.minimum(hz, 0.45 * ctx.sr), p["q"], ctx.sr))
        noise = normal(note.key, (1, samples))
        _, y = lti(band, noise / jnp.sqrt(band.D), jnp.zeros((1, 2), noise.dtype))  # D is the share of power it passes

        def burst(i: int, t60_s: Float[Array, ""]) -> Float[Array, " t"]:
            since = t - 1e-3 * i * p["spread_ms"]
            return bent(since / RISE_S, 4.0) * dying(since, t60_s)

        last = self.bursts - 1
        level = burst(last, p["decay_s"]) + p["room"] * burst(last, p["room_decay_s"])
        for i in range(last):
            level = level + burst(i, 1e-3 * p["burst_ms"])
        return 0.5 * y[0] * level
