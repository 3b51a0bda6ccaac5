"""Reverb by convolution with noise that dies away at a rate of its own in each band."""

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta
from scipy.fft import next_fast_len

from .._block import Audio, Block, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.decay_fit import decays, prewhitened
from ..dsp.echoes import decay_time, impulse_response
from ..dsp.fir import convolve, hats

TRIED_S = (0.06, 0.15, 0.35, 0.9, 2.2, 6.0)
HEARD_S = 5.0  # of the recordings, by an estimate
EXPLAINED = 1e-3  # of what is heard, made white: a guess that leaves less needs no other
LOWEST_HZ, HIGHEST_HZ = 63.0, 12_500.0  # centres of the outermost bands


@dataclass(frozen=True)
class NoiseReverb(StreamingBlock):
    r"""Wet signal $x * h$ with $h_n = \sum_b 10^{g_b / 20}\,10^{-3 n / (f_s T_b)}\,\nu_{b, n}$ for $n > 0$.

    The `bands` bands $\nu_b$ cut one Gaussian white noise into pieces that overlap as raised cosines over the logarithm
    of frequency and add up to it. Band $b$ falls by 60 dB in `decay_s` and begins with the energy that makes all bands
    at 0 dB and 1 s as loud as the dry signal. The response is `length_s` long; each channel has its own noise, drawn
    from the seed of the context, hence always the same.

    References: Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979; Steinmetz, Ithapu,
    Calamia, "Filtered noise shaping for time domain room impulse response estimation", WASPAA, 2021.
    """

    length_s: Annotated[float, Meta(ge=0.1, le=20.0)] = 2.0
    bands: Annotated[int, Meta(ge=2, le=32)] = 12

    linear = True
    echoes = True

    @property
    def params(self) -> tuple[Param, Param, Param]:
        row = (self.bands,)
        return (
            Param("decay_s", 0.05, 20.0, 1.0, unit="s", scale="log", shape=row),
            Param("gain_db", -40.0, 12.0, 0.0, unit="dB", shape=row),
            Param("mix", 0.0, 1.0, default=0.3, affine=True),
        )

    def _length(self, sr: int) -> int:
        return max(2, round(self.length_s * sr))

    def _split(self, size: int, sr: int) -> np.ndarray:
        """What each band keeps of each bin, (bands, bins); they add up to 1."""
        centre = np.geomspace(LOWEST_HZ, HIGHEST_HZ, self.bands)
        share = hats(np.fft.rfftfreq(size, 1.0 / sr), centre, sr)
        whole = hats(centre, centre, sr).max(axis=1, keepdims=True)  # less than 1 where bands act together
        return whole * (0.5 - 0.5 * np.cos(np.pi * share / whole))

    @classmethod
    def example(cls) -> Block:
        return cls(0.1)

    def _noise(self, channels: int, ctx: Context, dtype: Any) -> Float[Array, "c b n"]:
        """The bands of the noise, as loud as they begin."""
        length = self._length(ctx.sr)
        size = next_fast_len(length, real=True)
        noise = jnp.stack([jax.random.normal(jax.random.fold_in(ctx.seed, c), (size,), dtype) for c in range(channels)])
        spectrum = jnp.fft.rfft(noise)[:, None] * self._split(size, ctx.sr).astype(dtype)
        return np.sqrt(6.0 * np.log(10.0) / ctx.sr) * jnp.fft.irfft(spectrum, size)[..., :length]

    def response(self, p: Values, channels: int, ctx: Context) -> Float[Array, "c n"]:
        length, dtype = self._length(ctx.sr), p["decay_s"].dtype
        fall = jnp.exp((-3.0 * np.log(10.0) / ctx.sr) / p["decay_s"][:, None] * jnp.arange(length, dtype=dtype))
        fall = fall.at[:, 0].set(0.0)  # what comes at once is dry
        return jnp.sum(10.0 ** (p["gain_db"] / 20.0)[:, None] * fall * self._noise(channels, ctx, dtype), axis=1)

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, self._length(ctx.sr) - 1))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        state, wet = convolve(x, self.response(p, x.shape[0], ctx).astype(x.dtype), state)
        return state, (1.0 - p["mix"]) * x + p["mix"] * wet

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """What this very noise explains; unless that is all, what the bands of the impulse response look like too.

        Both from a source made white: where a guitar is 80 dB fainter than at its lowest notes, a band of the response
        would not be seen otherwise."""
        x, y = prewhitened(source, reference)
        guess, left = self._by_noise(x, y, ctx)
        return [guess] if left < EXPLAINED else [guess, *self._by_response(x, y, ctx)]

    def _by_noise(self, source: np.ndarray, reference: np.ndarray, ctx: Context) -> tuple[Values, float]:
        """Decays and levels of all bands by least squares, and the share of the reference that they leave."""
        noise = np.asarray(self._noise(source.shape[0], Context(ctx.sr), jnp.float32))
        x, y = (s[:, : round(HEARD_S * ctx.sr)] for s in (source, reference))
        decay, gain = self.params[0], self.params[1]
        found = decays(x, y, noise, TRIED_S, (decay.low, decay.high), ctx.sr)
        mix = float(np.clip(1.0 - found.weights[0], 0.02, 1.0))
        level = 20.0 * np.log10(np.maximum(found.weights[1:] / mix, 1e-6))
        left = found.left / (float(np.sum(np.square(y, dtype=np.float64))) + 1e-30)
        return {"decay_s": found.seconds, "gain_db": np.clip(level, gain.low, gain.high), "mix": mix}, left

    def _by_response(self, source: np.ndarray, reference: np.ndarray, ctx: Context) -> list[Values]:
        """Decay and level of each band of the impulse response, from the second millisecond on."""
        h = impulse_response(source, reference, min(source.shape[1], self._length(ctx.sr)))
        first = round(1e-3 * ctx.sr)
        if h.size < 64 + first or not np.any(h):
            return []
        dry, wet = float(np.abs(h[:first]).max()), h[first:]
        size = next_fast_len(wet.size, real=True)
        bands = np.fft.irfft(np.fft.rfft(wet, size) * self._split(size, ctx.sr), size)[:, : wet.size]
        decay, gain = self.params[0], self.params[1]
        seconds = np.array([decay_time(b, ctx.sr) or np.nan for b in bands])
        seconds = np.where(np.isfinite(seconds), seconds, np.nanmedian(np.append(seconds, np.nan)))
        seconds = np.clip(np.nan_to_num(seconds, nan=1.0), decay.low, decay.high)
        ideal = np.sum(self._split(size, ctx.sr) ** 2, axis=1) / (size // 2 + 1) * seconds  # at 0 dB
        level = 10.0 * np.log10(np.sum(bands**2, axis=1) / (ideal + 1e-30) + 1e-12)
        mix = float(np.clip(1.0 - dry, 0.05, 0.95))
        return [{"decay_s": seconds, "gain_db": np.clip(level - 20.0 * np.log10(mix), gain.low, gain.high), "mix": mix}]
