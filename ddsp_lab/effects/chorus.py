"""Chorus: copies of the sound on slowly changing delays."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.lfo_fit import within
from ..dsp.modulated_delay import modulated_read
from ..dsp.sweep_fit import sweeps
from ..dsp.sweep_tables import delay_tables

SHORTEST = 2  # samples: what the interpolation needs
WIDEST_MS = 5.0
CENTRES_MS = np.concatenate([np.arange(1.0, 8.0, 0.5), np.arange(8.0, 30.5, 0.75)])
PAIRS_MS = np.array([(c, d * min(c, WIDEST_MS)) for c in CENTRES_MS for d in (0.15, 0.35, 0.55, 0.8, 1.0)])


@dataclass(frozen=True)
class Chorus(StreamingBlock):
    r"""$y = (1 - m)\,x + \frac mV \sum_v x(t - \tau_v(t))$, $\tau_v = c + s\,l(t + v / V)$.

    The delays of the $V$ voices follow one LFO, evenly spread over its cycle. They swing about the centre $c$ by $s$:
    `depth` times 5 ms, or times what there is down to no delay, where that is less.

    Reference: Dattorro, "Effect design, part 2: delay-line modulation and chorus", JAES 45(10), 1997.
    """

    voices: Annotated[int, Meta(ge=1, le=4)] = 1

    params = (
        lfo.RATE,
        replace(lfo.DEPTH, automatable=True),
        Param("centre_delay_ms", 1.0, 30.0, default=7.0, unit="ms", scale="log"),
        lfo.SHAPE,
        lfo.PHASE,
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    linear = True
    time_invariant = False
    echoes = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(1e-3 * (30.0 + WIDEST_MS) * ctx.sr) + 3))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        turns = lfo.cycles(p["rate_hz"], p["phase"], ctx, x.shape[1])
        wave = lfo.wave(turns + jnp.arange(self.voices)[:, None] / self.voices, p["shape"])
        centre = p["centre_delay_ms"] * (1e-3 * ctx.sr)
        swing = p["depth"] * jnp.minimum(centre - SHORTEST, 1e-3 * WIDEST_MS * ctx.sr)
        voices = jax.vmap(modulated_read, (None, 0, None), (None, 0))
        state, wet = jax.vmap(voices, (0, None, 0))(x, centre + swing * wave, state.astype(x.dtype))
        return state, (1.0 - p["mix"]) * x + p["mix"] * jnp.mean(wet, axis=1)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The LFOs whose delay, one voice beside the dry sound, explains the reference best."""
        tables = delay_tables(source, reference, ctx.sr, 1e-3 * (30.0 + WIDEST_MS), feedback=False)
        guesses = []
        for s in sweeps(tables, 1e-3 * PAIRS_MS):
            (dry, wet), widest = np.maximum(s.weights[:2], 1e-6), min(s.centre, 1e-3 * WIDEST_MS) + 1e-6
            values = {"depth": s.swing / widest, "centre_delay_ms": 1e3 * s.centre, "mix": wet / (dry + wet)}
            guesses.append(within(self.params, s, values))
        return guesses
