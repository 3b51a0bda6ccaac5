"""A bass drum."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._block import Context, Values
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.envelopes import dying
from ..dsp.noise import normal
from ._skin import falling_hz, sine


@dataclass(frozen=True)
class Kick(Synth):
    r"""A sine of falling pitch, $f(t) = f_0\,2^{(p - 60) / 12}\,2^{s\,10^{-3 t / T_s} / 12}$, that dies away in
    `decay_s`, and a click of noise.

    The knobs of the TR-808 and TR-909: `tune_hz` ($f_0$ at a pitch of 60), `sweep_st` ($s$) and `sweep_ms` ($T_s$),
    `decay_s`, `click` and `drive_db` into a soft limit. Times are those in which 60 dB are gone; it does not mind how
    long the note is.
    """

    tail_s: ClassVar[float] = 4.0  # by when the longest decay is 60 dB down
    params = (
        Param("tune_hz", 25.0, 120.0, default=50.0, unit="Hz", scale="log"),
        Param("sweep_st", 0.0, 48.0, default=24.0, unit="st"),
        Param("sweep_ms", 5.0, 500.0, default=120.0, unit="ms", scale="log"),
        Param("decay_s", 0.05, 4.0, default=0.8, unit="s", scale="log"),
        Param("click", 0.0, 1.0, default=0.2),
        Param("click_ms", 1.0, 50.0, default=10.0, unit="ms", scale="log"),
        Param("drive_db", 0.0, 24.0, default=3.0, unit="dB"),
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        t = note.seconds(samples, ctx.sr)
        body = sine(falling_hz(p, note, t), note, ctx.sr) * dying(t, p["decay_s"])
        noise = normal(note.key, (samples,)) * dying(t, 1e-3 * p["click_ms"])
        drive = 10.0 ** (p["drive_db"] / 20.0)
        return jnp.tanh(drive * (body + 0.5 * p["click"] * noise)) / jnp.tanh(drive)
