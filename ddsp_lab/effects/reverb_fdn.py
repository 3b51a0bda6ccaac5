"""Reverb: a feedback delay network of eight lines."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from msgspec import Meta
from scipy.linalg import hadamard

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import fdn
from ..dsp.echoes import decay_time, impulse_response

LINES = 8
DARKEST = 1e-3  # a line may lose 60 dB at Nyquist in one pass; darker would stop its low end too
RATIOS = np.geomspace(0.33, 1.0, LINES)  # of the longest line: spread evenly in pitch, then moved to primes


@dataclass(frozen=True)
class ReverbFdn(StreamingBlock):
    r"""Late reverberation: eight delay lines of prime lengths, mixed by a Householder reflection.

    Each line of $D_i$ samples loses $g_i = 10^{-3 D_i / (f_s T)}$, so that all decay by 60 dB in $T$ = `decay_s`; a
    one-pole low-pass in each makes the decay at Nyquist $\alpha T$ with $\alpha = 1 - 0.9\,$`damping`:
    $p_i = (1 - r) / (1 + r)$, $r = g_i^{1 / \alpha - 1}$. `size_ms` is the longest line. Channels enter and leave
    through the rows of a Hadamard matrix, so that each hears its own pattern.

    Reference: Jot, Chaigne, "Digital delay networks for designing artificial reverberators", AES 90th Convention, 1991.
    """

    size_ms: Annotated[float, Meta(ge=5.0, le=500.0)] = 80.0

    params = (
        Param("decay_s", 0.1, 20.0, default=1.5, unit="s", scale="log"),
        Param("damping", 0.0, 1.0, default=0.5),
        Param("mix", 0.0, 1.0, default=0.3, affine=True),
    )

    linear = True
    echoes = True
    couples_channels = True

    def delays(self, sr: int) -> tuple[int, ...]:
        return fdn.line_lengths(round(1e-3 * self.size_ms * sr), RATIOS)

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((LINES, max(self.delays(ctx.sr)))), jnp.zeros(LINES)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        delays = self.delays(ctx.sr)
        loss = -3.0 * np.log(10.0) / ctx.sr * jnp.asarray(delays) / p["decay_s"]
        alpha = 1.0 - 0.9 * p["damping"]
        at_nyquist = jnp.exp(loss * (1.0 / alpha - 1.0))
        at_nyquist = jnp.maximum(at_nyquist, DARKEST)
        pole = (1.0 - at_nyquist) / (1.0 + at_nyquist)
        rows = jnp.asarray(hadamard(LINES)[np.arange(x.shape[0]) + 1 & LINES - 1] / np.sqrt(LINES), x.dtype)
        lines, damped = (s.astype(x.dtype) for s in state)
        state, wet = fdn.network(rows.T @ x, delays, jnp.exp(loss), pole, lines, damped)
        return state, (1.0 - p["mix"]) * x + p["mix"] * (rows @ wet)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Decay from the backward-integrated impulse response, mix from the energy before and after the first line."""
        h = impulse_response(source, reference, min(source.shape[1], 4 * ctx.sr))
        first = min(self.delays(ctx.sr))
        tail, head = h[first:], h[:first]
        decay = decay_time(tail, ctx.sr)
        if decay is None:
            return []
        wet, dry = np.sqrt(np.sum(np.square(tail))), np.sqrt(np.sum(np.square(head))) + 1e-12
        mix = float(np.clip(wet / (wet + dry), 0.02, 0.98))
        return [
            {"decay_s": float(np.clip(decay * longer, 0.1, 20.0)), "damping": damping, "mix": mix}
            for damping, longer in ((0.3, 1.0), (0.7, 1.4), (0.0, 1.0))
        ]
