"""Linear-phase equaliser: a symmetric FIR filter from gains at fixed frequencies."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.fir import convolve, hats
from ..dsp.transfer import measure

LOWEST_HZ, HIGHEST_HZ = 31.25, 16_000.0
GRID = 4  # frequencies of the design per tap


@dataclass(frozen=True)
class LinearPhaseEq(StreamingBlock):
    r"""$h_n = w_n\,\mathcal F^{-1}\{10^{G(f) / 20}\}_n$, symmetric about its middle, so that no phase turns.

    $G$ runs straight, in dB over the logarithm of frequency, through `gain_db` at `bands` frequencies from 31.25 Hz to
    16 kHz, and level beyond them (bands above 0.45 of the sample rate act there as their mean); $w$ is a Hann window of
    `taps` taps (an even number counts as the next odd one), which blurs $G$ by about $2 f_s / N$. Late by half of them.

    Reference: Oppenheim, Schafer, "Discrete-Time Signal Processing", 3rd ed., Pearson, 2010, section 7.5.
    """

    bands: Annotated[int, Meta(ge=2, le=64)] = 10
    taps: Annotated[int, Meta(ge=3, le=32_767)] = 1023

    linear = True

    @property
    def params(self) -> tuple[Param]:
        return (Param("gain_db", -20.0, 20.0, 0.0, unit="dB", shape=(self.bands,)),)

    def latency_samples(self, sr: int) -> int:
        return self.taps // 2

    def _weights(self, frequency_hz: np.ndarray, sr: int) -> np.ndarray:
        return hats(frequency_hz, np.geomspace(LOWEST_HZ, HIGHEST_HZ, self.bands), sr).T

    def response(self, p: Values, sr: int) -> Float[Array, " n"]:
        half = self.taps // 2
        size = 1 << (GRID * self.taps - 1).bit_length()
        weights = self._weights(np.fft.rfftfreq(size, 1.0 / sr), sr).astype(p["gain_db"].dtype)
        h = jnp.fft.irfft(10.0 ** (weights @ p["gain_db"] / 20.0), size)
        window = 0.5 + 0.5 * np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
        return jnp.roll(h, half)[: 2 * half + 1] * window.astype(h.dtype)

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, 2 * (self.taps // 2)))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        return convolve(x, self.response(p, ctx.sr).astype(x.dtype)[None], state)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Gains that lie nearest to the measured response, each frequency counting by its energy and coherence."""
        seen = measure(source, reference, ctx.sr)
        if not seen.frequency_hz.size:
            return []
        level = 20.0 * np.log10(np.abs(seen.response) + 1e-6)
        trust = np.sqrt(seen.coherence * np.minimum(seen.energy / seen.energy.max(), 1e-4) + 1e-12)
        rough = 1e-4 * trust.max() * np.diff(np.eye(self.bands), n=min(2, self.bands - 1), axis=0)
        rows = np.concatenate([self._weights(seen.frequency_hz, ctx.sr) * trust[:, None], rough])
        gains = np.linalg.lstsq(rows, np.concatenate([level * trust, np.zeros(len(rough))]))[0]
        return [{"gain_db": np.clip(gains, -20.0, 20.0)}]
