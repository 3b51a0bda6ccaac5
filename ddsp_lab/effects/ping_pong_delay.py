"""Ping-pong delay: echoes that change sides."""

from dataclasses import dataclass
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.damped_line import damped_feedback_delay, damping_pole
from ..dsp.echoes import echo_lags, impulse_response
from ..dsp.feedback_line import feedback_delay
from .delay import MIX, TIME

LAGS = 3  # peaks offered as the first echo


@dataclass(frozen=True)
class PingPongDelay(StreamingBlock):
    r"""$y = (1 - m)\,x + m\,D w$ with $w_1 = \bar x + g\,L D w_2$, $w_2 = g\,L D w_1$.

    $\bar x$ is the mean of the channels. The first echo is on the left, the second on the right and so on, each $g$
    times the one before and, where `damped`, darker: $L$ is the low-pass of `delay`. One channel becomes two; channels
    beyond the second stay dry. (The loop of two is two loops of one: of $w_1 + w_2$ with feedback $g$, of $w_1 - w_2$
    with $-g$.)

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 2.6.
    """

    damped: bool = False

    linear = echoes = couples_channels = True

    @property
    def params(self) -> tuple[Param, ...]:
        damping = (Param("damping", 0.0, 1.0, default=0.3),) if self.damped else ()
        return (TIME, Param("feedback", 0.0, 0.95, default=0.5), *damping, MIX)

    def channels_out(self, channels: int) -> int:
        return max(channels, 2)

    def init(self, channels: int, ctx: Context) -> State:
        lines = jnp.zeros((2, ceil(1e-3 * TIME.high * ctx.sr) + 3))
        return (lines, jnp.zeros(2)) if self.damped else lines

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        samples, shortest = p["time_ms"] * (1e-3 * ctx.sr), int(1e-3 * TIME.low * ctx.sr)
        middle, sign = jnp.mean(x, axis=0), np.array([1.0, -1.0], np.float32)

        def loop(gain, state):
            if not self.damped:
                return feedback_delay(middle, samples, gain, state, shortest)
            pole = damping_pole(p["feedback"], p["damping"])
            return damped_feedback_delay(middle, samples, gain, pole, state, shortest)

        state, (total, difference) = jax.vmap(loop)(
            p["feedback"] * sign, jax.tree.map(lambda s: s.astype(x.dtype), state)
        )
        wet = 0.5 * jnp.stack([total + difference, total - difference])
        dry = jnp.broadcast_to(x, (max(len(x), 2), x.shape[1]))
        return state, (1.0 - p["mix"]) * dry + p["mix"] * jnp.pad(wet, ((0, len(dry) - 2), (0, 0)))

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The first echo from the peaks of the left side's impulse response, feedback from the right side's."""
        length = min(reference.shape[1], 2 * ceil(1e-3 * TIME.high * ctx.sr) + 4)
        middle = source.mean(axis=0, keepdims=True)
        left, right = (impulse_response(middle, reference[i : i + 1], length) for i in (0, 1))
        guesses = []
        for lag in echo_lags(left[: length // 2], max(1, int(1e-3 * TIME.low * ctx.sr)), LAGS):
            first = abs(left[lag]) + 1e-12
            again = np.abs(right[max(0, 2 * lag - 2) : 2 * lag + 3]).max(initial=0.0) / first
            dry = np.abs(right[:3]).max() + 1e-12
            time = float(np.clip(1e3 * lag / ctx.sr, TIME.low, TIME.high))
            guesses.append(
                {"time_ms": time, "feedback": float(np.clip(again, 0.0, 0.9)), "mix": float(first / (first + dry))}
            )
        return guesses
