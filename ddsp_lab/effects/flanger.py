"""Flanger: a comb filter that sweeps."""

from dataclasses import dataclass, replace
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.lfo_fit import within
from ..dsp.modulated_delay import modulated_feedback
from ..dsp.sweep_fit import sweeps
from ..dsp.sweep_tables import delay_tables

SHORTEST_MS, LONGEST_MS = 0.6, 20.0
PAIRS_MS = np.array(
    [(c, d * (c - SHORTEST_MS)) for c in np.geomspace(1.0, 10.0, 28) for d in (0.2, 0.4, 0.6, 0.8, 1.0)]
)


@dataclass(frozen=True)
class Flanger(StreamingBlock):
    r"""$y = (1 - m)\,x + m\,D w$ with $w = x + g\,D w$; $D$ delays by $c + s\,l(t)$, $l$ an LFO.

    The delay swings about the centre $c$ by $s = d\,(c - 0.6\,\mathrm{ms})$, $d$ the depth, and the feedback $g$ goes
    either way.

    Reference: Dattorro, "Effect design, part 2: delay-line modulation and chorus", JAES 45(10), 1997.
    """

    params = (
        replace(lfo.RATE, default=0.5),
        replace(lfo.DEPTH, automatable=True),
        Param("centre_delay_ms", 1.0, 10.0, default=3.0, unit="ms", scale="log", automatable=True),
        Param("feedback", -0.95, 0.95, default=0.3),
        lfo.SHAPE,
        lfo.PHASE,
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    linear = True
    time_invariant = False

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(1e-3 * LONGEST_MS * ctx.sr) + 4))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        wave = lfo.wave(lfo.cycles(p["rate_hz"], p["phase"], ctx, x.shape[1]), p["shape"])
        centre, shortest = p["centre_delay_ms"] * (1e-3 * ctx.sr), max(3.0, 1e-3 * SHORTEST_MS * ctx.sr)
        delay = jnp.maximum(centre + p["depth"] * (centre - shortest) * wave, shortest)  # never a rounding error less
        loop = jax.vmap(lambda x, history: modulated_feedback(x, delay, p["feedback"], history, int(shortest)))
        state, wet = loop(x, state.astype(x.dtype))
        return state, (1.0 - p["mix"]) * x + p["mix"] * wet

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The LFOs whose delay, with the feedback and mix that suit it, explains the reference best."""
        tables = delay_tables(source, reference, ctx.sr, 1e-3 * LONGEST_MS, feedback=True)
        guesses = []
        for s in sweeps(tables, 1e-3 * PAIRS_MS):
            dry, wet, feedback = s.weights
            dry, wet = max(dry, 1e-6), max(wet + feedback * dry, 1e-6)
            depth = s.swing / max(s.centre - 1e-3 * SHORTEST_MS, 1e-4)
            values = {"depth": depth, "centre_delay_ms": 1e3 * s.centre}
            guesses.append(within(self.params, s, values | {"feedback": feedback, "mix": wet / (dry + wet)}))
        return guesses
