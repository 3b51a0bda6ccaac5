"""Frequency shifter: every partial up or down by the same number of hertz."""

from dataclasses import dataclass

import jax.numpy as jnp

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.hilbert import no_history, quadrature


@dataclass(frozen=True)
class FrequencyShifter(StreamingBlock):
    r"""Single-sideband modulation, $y = (1 - m)\,x + m\,(x_r \cos 2 \pi f t - x_i \sin 2 \pi f t)$.

    $x_r$ and $x_i$ are the outputs of two rows of all-passes that are a quarter turn apart within 0.1 degrees between
    0.2 and 49.8 % of the sample rate: the other sideband is 60 dB lower there.

    Reference: Wardle, "A Hilbert-transformer frequency shifter for audio", DAFx-98, 1998.
    """

    params = (
        Param("shift_hz", -1000.0, 1000.0, default=100.0, unit="Hz"),
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    linear = True
    time_invariant = False

    def init(self, channels: int, ctx: Context) -> State:
        return no_history(channels)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        state, (real, imaginary) = quadrature(x, state)
        turn = 2.0 * jnp.pi * lfo.cycles(p["shift_hz"], jnp.zeros(()), ctx, x.shape[1])
        shifted = real * jnp.cos(turn) - imaginary * jnp.sin(turn)
        return state, (1.0 - p["mix"]) * x + p["mix"] * shifted
