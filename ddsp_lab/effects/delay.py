"""Delay: echoes with feedback, at any fractional time."""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.delay_line import feedback_delay
from ..dsp.echoes import echo_lags, impulse_response

ECHOES = 4  # peaks of each impulse response, at each floor, offered as the first echo
SAME = 4  # samples: peaks nearer than this are one
FLOORS = (1e-6, 0.01)  # faint echoes where all else is silent, loud ones where it is not
REGULAR = (1e-4, 1e-7)  # sure of the loud octaves alone, and sharp where the recordings are exact


@dataclass(frozen=True)
class Delay(StreamingBlock):
    r"""Dry signal and echoes, $y = (1 - m)\,x + m\,D w$ with $w = x + g\,D w$.

    $D$ delays by `time_ms`, between samples by third-order Lagrange interpolation, so that time has a gradient; $g$ is
    the feedback.

    Reference: Laakso, Välimäki, Karjalainen, Laine, "Splitting the unit delay", IEEE Signal Processing Magazine, 1996.
    """

    params = (
        Param("time_ms", 1.0, 2000.0, default=250.0, unit="ms", scale="log"),
        Param("feedback", 0.0, 0.95, default=0.3),
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    linear = True
    echoes = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(2.0 * ctx.sr) + 3))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        samples = p["time_ms"] * (1e-3 * ctx.sr)  # one rounding, whether compiled or not
        echo = partial(feedback_delay, shortest=int(1e-3 * self.params[0].low * ctx.sr))
        state, echoes = jax.vmap(echo, (0, None, None, 0))(x, samples, p["feedback"], state.astype(x.dtype))
        return state, (1.0 - p["mix"]) * x + p["mix"] * echoes

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Times of the strongest echoes in the impulse response, feedback from the echo after each."""
        time = self.params[0]
        length = min(reference.shape[1], ceil(2e-3 * time.high * ctx.sr) + 2)
        guesses = []
        for h, lag in self._echoes([impulse_response(source, reference, length, r) for r in REGULAR], ctx.sr):
            near = slice(max(0, 2 * lag - 2), 2 * lag + 3)
            again = np.abs(h[near]).max(initial=0.0) / (abs(h[lag]) + 1e-12)
            direct = np.abs(h[:3]).max() + 1e-12
            guesses.append(
                {
                    "time_ms": float(np.clip(1e3 * lag / ctx.sr, time.low, time.high)),
                    "feedback": float(np.clip(again, 0.0, 0.9)),
                    "mix": float(np.clip(abs(h[lag]) / (abs(h[lag]) + direct), 0.05, 0.95)),
                }
            )
        return guesses

    def _echoes(self, responses: list[np.ndarray], sr: int) -> list[tuple[np.ndarray, int]]:
        """The sharpest peaks of each impulse response, no lag twice."""
        shortest, longest = (1e-3 * bound * sr for bound in (self.params[0].low, self.params[0].high))
        found: dict[int, np.ndarray] = {}
        for h in responses:
            lags = (echo_lags(h[: ceil(longest) + 1], ceil(shortest), ECHOES, floor) for floor in FLOORS)
            for lag in chain.from_iterable(lags):
                if all(abs(lag - other) > SAME for other in found):
                    found[lag] = h
        return [(h, lag) for lag, h in found.items()]
