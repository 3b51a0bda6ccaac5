"""The fundamental frequency of sounds, with a slope."""

from math import ceil

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from scipy.fft import next_fast_len

from .levels import FLOOR
from .stft import frame_count

AS_DEEP = 0.1  # above the deepest dip: of dips no further above it the earliest is taken, later ones are its multiples
ENOUGH = 32000.0  # lags per second: with fewer, the dip at a short period falls between two of them
UNDER = 1e-6  # of a frame's power: the noise under everything, above what rounding leaves of a difference


def overlapping(x: Float[Array, "c t"], size: int, hop: int) -> Float[Array, "c frames size"]:
    """Stretches of `size` samples centred on every `hop`-th sample, zeros outside; slices, whose adjoint is as fast."""
    count, slices = frame_count(x.shape[1], hop), -(-size // hop)
    needed = (count + slices - 1) * hop
    hops = lax.pad(x, np.zeros((), x.dtype)[()], [(0, 0, 0), (size // 2, needed - size // 2 - x.shape[1], 0)])
    hops = hops.reshape(x.shape[0], -1, hop)
    return jnp.concatenate([hops[:, i : i + count] for i in range(slices)], axis=2)[:, :, :size]


def differences(
    x: Float[Array, "c t"], frame: int, lags: int, hop: int, finer: int = 1
) -> tuple[Float[Array, "c frames lags"], Float[Array, "c frames lags"]]:
    r"""$d_\tau = \sum_j (x_j - x_{j + \tau})^2$ over `frame` samples for `lags` lags from 0, and over the mean of $d$
    up to $\tau$: 1 where nothing repeats, 0 where it repeats exactly. White noise of -100 dB lies under everything, and
    -60 dB beside the sound, so that silence and a constant do not repeat. `finer` lags a sample, by the transform."""
    stretch = overlapping(x, frame + lags - 1, hop)
    stretch = stretch - jnp.mean(stretch, axis=2, keepdims=True)
    size = next_fast_len(stretch.shape[2], real=True)
    spectra = jnp.conj(jnp.fft.rfft(stretch[:, :, :frame], size)) * jnp.fft.rfft(stretch, size)
    products = finer * jnp.fft.irfft(spectra, finer * size)[:, :, : finer * (lags - 1) + 1]
    summed = jnp.pad(jnp.cumsum(stretch**2, axis=2), ((0, 0), (0, 0), (1, 0)))
    energy = summed[:, :, frame:] - summed[:, :, :lags]
    between = np.arange(finer).astype(x.dtype) / finer  # it hardly changes from lag to lag
    steps = energy[:, :, :-1, None] + between * jnp.diff(energy, axis=2)[..., None]
    energy = jnp.concatenate([steps.reshape(*energy.shape[:2], -1), energy[:, :, -1:]], axis=2)
    under = 2.0 * frame * FLOOR + UNDER * summed[:, :, -1:]
    # a sum of squares is not negative; what rounding leaves of one may be
    d = jnp.maximum(energy[:, :, :1] + energy - 2.0 * products, 0.0).at[:, :, 0].set(0.0)
    lag = np.arange(d.shape[2]).astype(x.dtype)
    normal = (d + under) * lag / (jnp.cumsum(d, axis=2) + under * np.maximum(lag, 1.0).astype(x.dtype))
    return d, normal.at[:, :, 0].set(1.0)


def f0_track(
    x: Float[Array, "c t"], sr: float, low_hz: float, high_hz: float, frame: int, hop: int
) -> tuple[Float[Array, "c frames"], Float[Array, "c frames"]]:
    r"""Fundamental frequency in Hz and how periodic the sound is, 0 to 1, about every `hop`-th sample.

    The period is the first lag at which the normalised difference dips nearly as low as it ever does between
    `low_hz` and `high_hz`, refined by a parabola through $d$ at three lags. Which lag is taken as given by the slope,
    which goes through the parabola: it is that of the pitch as long as the sound is near the pitch that was found. The
    second is 1 less the depth of that dip: $r / (1 + r)$ for a tone of $r$ times the power of the noise that it is in,
    0.99 at 20 dB, below 0.2 for noise alone. A `frame` is best as long as two of the longest periods.

    Reference: de Cheveigné, Kawahara, "YIN, a fundamental frequency estimator for speech and music", Journal of the
    Acoustical Society of America 111(4), 2002.
    """
    finer = ceil(ENOUGH / sr)
    longest = ceil(max(sr / low_hz, 3.0))
    first, last = max(2, int(finer * sr / high_hz)), finer * longest
    d, normal = differences(x, frame, longest + 2, hop, finer)
    inside = lax.stop_gradient(normal[:, :, first : last + 1])
    dips = (inside <= normal[:, :, first - 1 : last]) & (inside < normal[:, :, first + 1 : last + 2])
    dips &= inside <= jnp.min(inside, axis=2, keepdims=True) + AS_DEEP
    at = first + jnp.where(jnp.any(dips, axis=2), jnp.argmax(dips, axis=2), jnp.argmin(inside, axis=2))

    def around(values: Float[Array, "c frames lags"], by: int) -> Float[Array, "c frames"]:
        return jnp.take_along_axis(values, at[:, :, None] + by, axis=2)[:, :, 0]

    before, middle, after = (around(d, by) for by in (-1, 0, 1))
    curve = before - 2.0 * middle + after
    bent = curve > UNDER * (before + middle + after)
    off = jnp.where(bent, 0.5 * (before - after) / jnp.where(bent, curve, 1.0), 0.0)
    return finer * sr / (at + jnp.clip(off, -1.0, 1.0)), jnp.clip(1.0 - around(normal, 0), 0.0, 1.0)
