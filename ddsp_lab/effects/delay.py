"""Delay: echoes with feedback, at any fractional time."""

from dataclasses import dataclass
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.damped_line import damped_feedback_delay, damping_pole
from ..dsp.echo_fit import loops
from ..dsp.feedback_line import feedback_delay

TIME = Param("time_ms", 1.0, 2000.0, default=250.0, unit="ms", scale="log")
MIX = Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True)


@dataclass(frozen=True)
class Delay(StreamingBlock):
    r"""Dry signal and echoes, $y = (1 - m)\,x + m\,D w$ with $w = x + g\,L D w$.

    $D$ delays by `time_ms`, between samples by third-order Lagrange interpolation, so that time has a gradient; $g$ is
    the feedback. A `damped` delay has a one-pole low-pass $L$ in its loop that makes each echo darker than the one
    before, as `reverb_fdn` does it: the decay at Nyquist takes $\alpha = 1 - 0.9\,$`damping` times as long.

    Reference: Laakso, Välimäki, Karjalainen, Laine, "Splitting the unit delay", IEEE Signal Processing Magazine, 1996.
    """

    damped: bool = False

    linear = True
    echoes = True

    @property
    def params(self) -> tuple[Param, ...]:
        damping = (Param("damping", 0.0, 1.0, default=0.3),) if self.damped else ()
        return (TIME, Param("feedback", 0.0, 0.95, default=0.3), *damping, MIX)

    def init(self, channels: int, ctx: Context) -> State:
        line = jnp.zeros((channels, ceil(1e-3 * TIME.high * ctx.sr) + 3))
        return (line, jnp.zeros(channels)) if self.damped else line

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        samples = p["time_ms"] * (1e-3 * ctx.sr)  # one rounding, whether compiled or not
        shortest, state = int(1e-3 * TIME.low * ctx.sr), jax.tree.map(lambda s: s.astype(x.dtype), state)

        def echo(x, state):
            if not self.damped:
                return feedback_delay(x, samples, p["feedback"], state, shortest)
            pole = damping_pole(p["feedback"], p["damping"])
            return damped_feedback_delay(x, samples, p["feedback"], pole, state, shortest)

        state, echoes = jax.vmap(echo)(x, state)
        return state, (1.0 - p["mix"]) * x + p["mix"] * echoes

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The loops that explain the reference best."""
        shortest, longest = (ceil(1e-3 * bound * ctx.sr) for bound in (TIME.low, TIME.high))
        return [
            {
                "time_ms": float(np.clip(1e3 * loop.lag / ctx.sr, TIME.low, TIME.high)),
                "feedback": loop.gain,
                "mix": loop.mix,
            }
            | ({"damping": loop.damping} if self.damped else {})
            for loop in loops(source, reference, shortest, longest)
        ]
