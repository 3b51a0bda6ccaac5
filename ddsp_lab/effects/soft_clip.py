"""Soft clipping: an asymmetric tanh waveshaper."""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import oversample
from ..dsp.levels import amplitude

LEVELS = 101  # at which the transfer curve is averaged
KEPT = 3


@dataclass(frozen=True)
class SoftClip(StreamingBlock):
    r"""Memoryless saturation, $y = \tanh(g x + b) - \tanh b$ with $g = 10^{d / 20}$.

    Odd harmonics come from the drive $d$, even ones from the bias $b$; subtracting $\tanh b$ keeps silence silent.
    With `oversample` above 1 the curve runs at that multiple of the sample rate, between linear-phase filters that
    make the block 64 samples late.

    Reference: Zölzer (ed.), "DAFX: Digital Audio Effects", 2nd ed., Wiley, 2011, section 4.3.
    """

    oversample: Literal[1, 2, 4, 8] = 4

    params = (
        Param("drive_db", 0.0, 40.0, default=12.0, unit="dB"),
        Param("bias", -1.0, 1.0, default=0.0),
    )

    @property
    def memoryless(self) -> bool:
        return self.oversample == 1

    def latency_samples(self, sr: int) -> int:
        return oversample.LATENCY if self.oversample > 1 else 0

    def init(self, channels: int, ctx: Context) -> State:
        return oversample.no_history(channels, self.oversample) if self.oversample > 1 else ()

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        gain, bias = amplitude(p["drive_db"]), p["bias"]

        def shape(v: Audio) -> Audio:
            return jnp.tanh(gain * v + bias) - jnp.tanh(bias)

        if self.oversample == 1:
            return state, shape(x)
        return oversample.oversampled(shape, x, state, self.oversample)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Drives and biases whose curve, at some gain, comes nearest to the mean output at each input level."""
        x, y = _mean_curve(np.ravel(source), np.ravel(reference))
        if x.size < 8:
            return []
        guesses = []
        for drive in np.linspace(0.0, 40.0, 21):
            for bias in np.linspace(-0.9, 0.9, 7):
                curve = np.tanh(10.0 ** (drive / 20.0) * x + bias) - np.tanh(bias)
                scale = (curve @ y) / (curve @ curve + 1e-30)
                guesses.append((float(np.sum((y - scale * curve) ** 2)), drive, bias))
        return [{"drive_db": float(d), "bias": float(b)} for _, d, b in sorted(guesses)[:KEPT]]


def _mean_curve(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean output at each of a row of input levels, weighted by how often they occur."""
    top = np.abs(x).max(initial=0.0)
    if top == 0.0:
        return np.zeros(0), np.zeros(0)
    which = np.clip(((x / top + 1.0) * 0.5 * LEVELS).astype(int), 0, LEVELS - 1)
    count = np.bincount(which, minlength=LEVELS)
    seen = count > 4
    mean_x, mean_y = (np.bincount(which, v, LEVELS)[seen] / count[seen] for v in (x, y))
    return mean_x, mean_y
