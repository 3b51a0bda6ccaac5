"""Comb filter: a delayed copy beside the input, another fed back."""

from dataclasses import dataclass
from functools import partial
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.echoes import echo_lags, impulse_response
from ..dsp.feedback_line import feedback_delay

LOW_MS, HIGH_MS = 1.0, 50.0
LAGS = 3  # peaks of the impulse response offered as the delay


@dataclass(frozen=True)
class Comb(StreamingBlock):
    r"""The universal comb $y = x + b\,D x + a\,D y$: $H(z) = (1 + b z^{-d}) / (1 - a z^{-d})$.

    $D$ delays by `time_ms`, between samples by third-order Lagrange interpolation; $b$ is the feedforward gain, which
    digs notches, $a$ the feedback, which raises peaks. Where $b = -a$ it does nothing.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 2.5.
    """

    params = (
        Param("time_ms", LOW_MS, HIGH_MS, default=5.0, unit="ms", scale="log"),
        Param("feedforward", -0.95, 0.95, default=0.0),
        Param("feedback", -0.95, 0.95, default=0.3),
    )

    linear = True
    echoes = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(1e-3 * HIGH_MS * ctx.sr) + 3))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        samples = p["time_ms"] * (1e-3 * ctx.sr)
        echo = partial(feedback_delay, shortest=int(1e-3 * LOW_MS * ctx.sr))
        state, late = jax.vmap(echo, (0, None, None, 0))(x, samples, p["feedback"], state.astype(x.dtype))
        return state, x + (p["feedforward"] + p["feedback"]) * late  # of the line's input x + a D w, its echo D w

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The delay from the impulse response's peaks, both gains from how high the first and the second stand."""
        shortest, longest = int(1e-3 * LOW_MS * ctx.sr), ceil(1e-3 * HIGH_MS * ctx.sr)
        h = impulse_response(source, reference, 2 * longest + 4)
        guesses = []
        for lag in echo_lags(h[: longest + 1], shortest, LAGS):
            direct, first, second = (float(np.sum(h[max(0, n - 2) : n + 3])) for n in (0, lag, 2 * lag))
            both = first / direct if abs(direct) > 1e-9 else 0.0
            back = second / first if abs(first) > 1e-9 else 0.0
            guesses.append(
                {
                    "time_ms": float(np.clip(1e3 * lag / ctx.sr, LOW_MS, HIGH_MS)),
                    "feedforward": float(np.clip(both - np.clip(back, -0.95, 0.95), -0.95, 0.95)),
                    "feedback": float(np.clip(back, -0.95, 0.95)),
                }
            )
        return guesses
