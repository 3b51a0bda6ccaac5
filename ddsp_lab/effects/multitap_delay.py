"""Multi-tap delay: single echoes, each at its own time and level."""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from msgspec import Meta
from scipy.signal import find_peaks

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.delay_line import read, tap
from ..dsp.echoes import impulse_response

LOW_MS, HIGH_MS = 1.0, 2000.0
NEAR = 8  # samples: two taps of a guess are not nearer
REGULAR = (1e-4, 1e-7)  # of the loudest bin: sure, and sharp


@dataclass(frozen=True)
class MultitapDelay(StreamingBlock):
    r"""$y = x + \sum_i g_i\,D_i x$; $D_i$ delays by `time_ms[i]`.

    Between samples it interpolates by third-order Lagrange polynomials, so that times have gradients.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 2.6.
    """

    taps: Annotated[int, Meta(ge=1, le=16)] = 4

    @property
    def params(self) -> tuple[Param, ...]:
        times = np.geomspace(100.0, 100.0 * self.taps, self.taps) if self.taps > 1 else np.array([250.0])
        gains = 0.6 * 0.7 ** np.arange(self.taps)
        shape = (self.taps,)
        return (
            Param("time_ms", LOW_MS, HIGH_MS, tuple(times.tolist()), unit="ms", scale="log", shape=shape),
            Param("gain", -1.0, 1.0, tuple(gains.tolist()), shape=shape, affine=True),
        )

    linear = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(1e-3 * HIGH_MS * ctx.sr) + 3))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        longest = state.shape[1] - 3
        lines = jnp.concatenate([state.astype(x.dtype), x], axis=1)

        def echo(line, samples):
            return read(line, tap(samples, longest), x.shape[1])

        echoes = jax.vmap(jax.vmap(echo, (None, 0)), (0, None))(lines, p["time_ms"] * (1e-3 * ctx.sr))
        return lines[:, x.shape[1] :], x + jnp.sum(p["gain"][:, None] * echoes, axis=1)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The highest peaks of the impulse response, in order of time."""
        first, last = ceil(1e-3 * LOW_MS * ctx.sr), min(reference.shape[1], int(1e-3 * HIGH_MS * ctx.sr)) - 1
        guesses = []
        for regular in REGULAR:
            h = impulse_response(source, reference, last + 1, regular)
            direct = np.sum(h[:3]) if h.size > 2 else 0.0
            peaks, _ = find_peaks(np.abs(h[first:]), distance=NEAR)
            peaks = np.sort(peaks[np.argsort(-np.abs(h[first:][peaks]))][: self.taps]) + first
            if peaks.size == self.taps and abs(direct) > 0.0:
                times = np.clip(1e3 * peaks / ctx.sr, LOW_MS, HIGH_MS)
                guesses.append({"time_ms": times, "gain": np.clip(h[peaks] / direct, -1.0, 1.0)})
        return guesses
