"""Phaser: notches that sweep."""

from dataclasses import dataclass, replace
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.lfo_fit import within
from ..dsp.phase_shift import phase_shift, rotation
from ..dsp.svf import HIGHEST
from ..dsp.sweep_fit import sweeps
from ..dsp.sweep_tables import response_tables

OCTAVES = 2.0
CENTRES_HZ = 100.0, 4000.0
OCTAVE = np.arange(np.log2(CENTRES_HZ[0]) - OCTAVES, np.log2(CENTRES_HZ[1]) + OCTAVES, 1.0 / 6.0)
PAIRS = np.array([(c, d * OCTAVES) for c in OCTAVE[12:-12] for d in (0.15, 0.3, 0.5, 0.7, 0.9)])


@dataclass(frozen=True)
class Phaser(StreamingBlock):
    r"""$y = (1 - m)\,x + m\,A u$ with $u_n = x_n + g\,(A u)_{n-1}$; $A$ is a row of `stages` first-order all-passes.

    Their common corner moves evenly in pitch, $f = f_0\,2^{2 d\,l(t)}$: at full `depth` $d$ two octaves either way.
    Each two stages make a notch (or, with feedback, a peak beside it).

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 2.4.2.
    """

    stages: Literal[4, 6, 8, 10, 12] = 6

    params = (
        replace(lfo.RATE, default=0.5),
        replace(lfo.DEPTH, automatable=True),
        Param("centre_hz", *CENTRES_HZ, default=800.0, unit="Hz", scale="log", automatable=True),
        Param("feedback", -0.95, 0.95, default=0.3),
        lfo.SHAPE,
        lfo.PHASE,
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    linear = True
    time_invariant = False

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, self.stages + 1))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        wave = lfo.wave(lfo.cycles(p["rate_hz"], p["phase"], ctx, x.shape[1]), p["shape"])
        ab = rotation(p["centre_hz"] * jnp.exp2(OCTAVES * p["depth"] * wave), ctx.sr)
        row = jax.vmap(phase_shift, (0, None, None, 0))
        state, wet = row(x, ab, p["feedback"], state.astype(x.dtype))
        return state, (1.0 - p["mix"]) * x + p["mix"] * wet

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The LFOs whose corner, with the feedback and mix that suit it, explains the reference best."""
        tables = response_tables(source, reference, ctx.sr, OCTAVE, self._stages_at)
        guesses = []
        for s in sweeps(tables, PAIRS):
            dry, wet, feedback = s.weights
            dry, wet = max(dry, 1e-6), max(wet + feedback * dry, 1e-6)
            values = {"depth": s.swing / OCTAVES, "centre_hz": 2.0**s.centre}
            guesses.append(within(self.params, s, values | {"feedback": feedback, "mix": wet / (dry + wet)}))
        return guesses

    def _stages_at(self, corner_hz: np.ndarray, frequency_hz: np.ndarray, sr: float) -> np.ndarray:
        """The frozen response $A$, (corners, frequencies)."""
        s = 1j * np.tan(np.pi * frequency_hz / sr) / np.tan(np.pi * np.minimum(corner_hz / sr, HIGHEST))[:, None]
        return ((s - 1.0) / (s + 1.0)) ** self.stages
