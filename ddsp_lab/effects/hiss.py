"""The steady noise of a tape, a preamplifier or a converter, added to what passes."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.fir import filtered, hats
from ..dsp.noise_bands import band_centres
from ..dsp.noise_floor import band_levels_db

LOWEST_HZ, HIGHEST_HZ = 60.0, 16_000.0
HALF = 128  # taps on each side of the filter's middle
CHUNK = 1024  # samples that one seed is for: noise is the same wherever a piece begins
LEAST_DB, MOST_DB = -140.0, -20.0


@dataclass(frozen=True)
class Hiss(StreamingBlock):
    r"""$y_n = x_n + \sum_k h_k \nu_{n - k}$: white noise of variance 1, through $h$ of the gains `gain_db` in bands.

    0 dB in all bands would be noise with an RMS of 1. The bands stand as the ear's do, from 60 Hz to 16 kHz; `h` is
    their straight line in level through a Hann window. The noise belongs to the recording: it sounds without input,
    each channel has its own, and it is the same in pieces. So a patch that is fitted to an old recording has what
    belongs to the recorder in a link of its own, to be left out.

    Reference: Oppenheim, Schafer, "Discrete-Time Signal Processing", 3rd ed., Pearson, 2010, section 7.5 (the filter).
    """

    bands: Annotated[int, Meta(ge=2, le=64)] = 12

    memoryless = True
    time_invariant = False
    is_source = True
    noise = ("gain_db",)

    @property
    def params(self) -> tuple[Param]:
        return (Param("gain_db", LEAST_DB, MOST_DB, default=-90.0, unit="dB", shape=(self.bands,)),)

    def _centres(self) -> np.ndarray:
        return band_centres(self.bands, LOWEST_HZ, HIGHEST_HZ)

    def init(self, channels: int, ctx: Context) -> State:
        """The number of the next sample."""
        return jnp.round(jnp.asarray(ctx.start_s) * ctx.sr).astype(jnp.int32)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        channels, samples = x.shape
        frequency_hz = np.fft.rfftfreq(8 * HALF, 1.0 / ctx.sr)
        weights = hats(frequency_hz, self._centres(), ctx.sr).T.astype(np.float32)
        h = jnp.roll(jnp.fft.irfft(weights @ 10.0 ** (p["gain_db"] / 20.0)), HALF)[: 2 * HALF]
        h = h * np.hanning(2 * HALF + 1)[:-1].astype(np.float32)
        first = state - (2 * HALF - 1)  # of the noise that is heard
        count = -(-(samples + 2 * HALF - 1) // CHUNK) + 1

        def chunk(number: jax.Array) -> jax.Array:
            return jax.random.normal(jax.random.fold_in(ctx.seed, number), (channels, CHUNK), x.dtype)

        number = jnp.floor_divide(first, CHUNK)
        noise = jax.vmap(chunk, out_axes=1)(number + jnp.arange(count)).reshape(channels, -1)
        noise = jax.lax.dynamic_slice_in_dim(noise, first - number * CHUNK, samples + 2 * HALF - 1, axis=1)
        return state + samples, x + filtered(noise, h[None].astype(x.dtype))[:, 2 * HALF - 1 :]

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The levels of the bands where the reference is quietest; none where it is silent there."""
        found = band_levels_db(reference, self._centres(), ctx.sr)
        return [] if found is None else [{"gain_db": np.clip(found, LEAST_DB, MOST_DB)}]
