"""Overdrive: clean signal plus its clipped upper part, and a tone control, as in the green pedal."""

from dataclasses import dataclass

import jax.numpy as jnp

from .._block import Audio, Context, State, Values
from .._param import Param
from .._shaper import Shaper
from ..dsp import svf
from ..dsp.delay_line import late
from ..dsp.diode import conducting
from ..dsp.levels import amplitude
from ..dsp.state_space import lti

BASS_HZ, TONE_HZ = 720.0, 723.0  # 4.7 kOhm with 47 nF; 1 kOhm with 220 nF
VOLT = 0.0453  # silicon's V_t, emission included
LEAK = 2.0 * 4700.0 * 2.52e-9 / VOLT  # 2 R I_s / V_t of the resistor to ground


@dataclass(frozen=True)
class Overdrive(Shaper):
    r"""$c = x + V_t z$, $z + g b \sinh z = g h / V_t$: an amplifier with diodes beside its feedback resistor.

    $h$ is the input above 720 Hz, $g$ the drive: the feedback resistor over the one to ground, so that more drive also
    leaves more to the diodes; samples are volts. The tone goes from $c$ below 723 Hz (0) to all of $c$ (1).
    With `oversample` above 1 the diodes are run at that multiple of the sample rate, 64 samples late.

    Reference: Yeh, Abel, Smith, "Simplified, physically-informed models of distortion and overdrive guitar effects
    pedals", DAFx, 2007.
    """

    params = (
        Param("drive_db", 0.0, 45.0, default=25.0, unit="dB", automatable=True),
        Param("tone", 0.0, 1.0, default=0.5, affine=True, automatable=True),
        Param("level_db", -40.0, 12.0, default=0.0, unit="dB", automatable=True),
    )

    def arrivals(self, sr: int) -> dict[str, int]:
        return super().arrivals(sr) | dict.fromkeys(("tone", "level_db"), self.latency_samples(sr))

    def init(self, channels: int, ctx: Context) -> State:
        one = jnp.zeros((channels, 1))
        return one, super().init(channels, ctx), jnp.zeros((channels, self.latency_samples(ctx.sr))), one + 0.0

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        before, inner, history, after = state
        bass, tone = (svf.warp(jnp.asarray(f, x.dtype), ctx.sr) for f in (BASS_HZ, TONE_HZ))
        before, upper = lti(svf.first_order(bass, 1.0, -1.0), x, before.astype(x.dtype))
        inner, clipped = super().step(p, inner, upper, ctx)
        history, clean = late(history, x)
        clipped = clean + clipped
        after, dark = lti(svf.first_order(tone, 0.0, 1.0), clipped, after.astype(x.dtype))
        return (before, inner, history, after), amplitude(p["level_db"]) * (dark + p["tone"] * (clipped - dark))

    def begin(self, channels: int, ctx: Context) -> State:
        return ()

    def bend(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        gain = amplitude(p["drive_db"])
        return state, VOLT * conducting(gain / VOLT * x, jnp.broadcast_to(LEAK * gain, x.shape))
