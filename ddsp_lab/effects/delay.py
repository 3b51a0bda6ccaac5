"""Delay: echoes with feedback, at any fractional time."""

from dataclasses import dataclass
from functools import partial
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.delay_line import damped_feedback_delay, damping_pole
from ..dsp.echo_fit import loops


@dataclass(frozen=True)
class Delay(StreamingBlock):
    r"""Dry signal and echoes, $y = (1 - m)\,x + m\,D w$ with $w = x + g\,L D w$.

    $D$ delays by `time_ms`, between samples by third-order Lagrange interpolation, so that time has a gradient; $g$ is
    the feedback. $L$ is a one-pole low-pass that makes each echo darker than the one before, as `reverb_fdn` does it:
    the decay at Nyquist takes $\alpha = 1 - 0.9\,$`damping` times as long.

    Reference: Laakso, Välimäki, Karjalainen, Laine, "Splitting the unit delay", IEEE Signal Processing Magazine, 1996.
    """

    params = (
        Param("time_ms", 1.0, 2000.0, default=250.0, unit="ms", scale="log"),
        Param("feedback", 0.0, 0.95, default=0.3),
        Param("damping", 0.0, 1.0, default=0.0),
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    linear = True
    echoes = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(2.0 * ctx.sr) + 3)), jnp.zeros(channels)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        samples = p["time_ms"] * (1e-3 * ctx.sr)  # one rounding, whether compiled or not
        echo = partial(damped_feedback_delay, shortest=int(1e-3 * self.params[0].low * ctx.sr))
        state = tuple(s.astype(x.dtype) for s in state)
        pole = damping_pole(p["feedback"], p["damping"])
        state, echoes = jax.vmap(echo, (0, None, None, None, 0))(x, samples, p["feedback"], pole, state)
        return state, (1.0 - p["mix"]) * x + p["mix"] * echoes

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The loops that explain the reference best."""
        shortest, longest = (1e-3 * bound * ctx.sr for bound in (self.params[0].low, self.params[0].high))
        return [
            {
                "time_ms": float(np.clip(1e3 * loop.lag / ctx.sr, self.params[0].low, self.params[0].high)),
                "feedback": loop.gain,
                "damping": loop.damping,
                "mix": loop.wet / (loop.dry + loop.wet),
            }
            for loop in loops(source, reference, ceil(shortest), ceil(longest))
        ]
