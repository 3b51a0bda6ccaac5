r"""Linear prediction: the filter $A(z) = 1 + \sum_j a_j z^{-j}$ that leaves least of a signal, and the stable $1 / A$.

Everything goes through the reflection coefficients: the filter is stable if and only if all of them lie within ±1.
Arrays have any leading axes.

References: Makhoul, "Linear prediction: a tutorial review", Proceedings of the IEEE 63(4), 1975; Le Roux, Gueguen, "A
fixed point computation of partial correlation coefficients", IEEE Transactions on Acoustics, Speech, and Signal
Processing 25(3), 1977.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

SILENT = 1e-18  # energy below which nothing is predicted: its reciprocal's square is still a float32
RIDGE = 1e-7  # of the energy: white noise that keeps what is wholly predictable away from the unit circle in float32
MOST = 1.0 - 1e-6  # of a reflection coefficient


def autocorrelation(x: Float[Array, "*c t"], order: int) -> Float[Array, "*c order+1"]:
    r"""$r_k = \sum_n x_n x_{n+k}$ for lags 0 to `order`; of lags longer than the signal, zero."""
    samples = x.shape[-1]
    lags = range(min(order, samples - 1) + 1)
    r = jnp.stack([jnp.sum(x[..., : samples - k] * x[..., k:], axis=-1) for k in lags], axis=-1)
    return jnp.pad(r, (*[(0, 0)] * (r.ndim - 1), (0, order + 1 - len(lags))))


def _later(v: Float[Array, "*c n"]) -> Float[Array, "*c n"]:
    """Each sample one place on."""
    return jnp.concatenate([jnp.zeros_like(v[..., :1]), v[..., :-1]], axis=-1)


def _sooner(v: Float[Array, "*c n"]) -> Float[Array, "*c n"]:
    return jnp.concatenate([v[..., 1:], jnp.zeros_like(v[..., :1])], axis=-1)


def reflections(r: Float[Array, "*c n"]) -> Float[Array, "*c n-1"]:
    """The reflection coefficients of the best predictor, from the autocorrelation: always within ±1, with a finite
    gradient; zero at silence. They are those of Levinson's and Durbin's recursion, without its filters on the way."""
    sounds = r[..., :1] > SILENT
    r = jnp.where(sounds, r / jnp.where(sounds, r[..., :1], 1.0), 0.0)

    def stage(carry, _):
        forward, backward = carry
        left = backward[..., :1]  # the energy that is still unpredicted
        some = left > 0.0
        k = jnp.where(some, -forward[..., :1] / jnp.where(some, left, 1.0), 0.0)
        k = jnp.clip(k, -MOST, MOST)
        return (_sooner(forward + k * backward), backward + k * forward), k[..., 0]

    backward = jnp.concatenate([r[..., :1] * (1.0 + RIDGE), r[..., 1:-1]], axis=-1)
    k = lax.scan(stage, (r[..., 1:], backward), None, length=r.shape[-1] - 1)[1]
    return jnp.moveaxis(k, 0, -1)


def reflection_to_filter(k: Float[Array, "*c p"]) -> Float[Array, "*c p+1"]:
    r"""$A_m(z) = A_{m-1}(z) + k_m z^{-m} A_{m-1}(1/z)$: the coefficients $1, a_1, \dots, a_p$."""
    one = jnp.zeros((*k.shape[:-1], k.shape[-1] + 1), k.dtype).at[..., 0].set(1.0)

    def stage(carry, k):
        a, turned = carry[0], _later(carry[1])
        return (a + k[..., None] * turned, turned + k[..., None] * a), None

    return lax.scan(stage, (one, one), jnp.moveaxis(k, -1, 0))[0][0]


def filter_to_reflection(a: Float[Array, "*c p+1"]) -> Float[Array, "*c p"]:
    """The inverse of `reflection_to_filter`. One beyond ±1 tells that $1 / A$ is unstable; those before it then mean
    nothing."""

    def stage(carry, _):
        a, turned = carry
        k = turned[..., :1]
        scale = 1.0 / (1.0 - k * k)
        return (scale * (a - k * turned), _sooner(scale * (turned - k * a))), k[..., 0]

    k = lax.scan(stage, (a, a[..., ::-1]), None, length=a.shape[-1] - 1)[1]
    return jnp.moveaxis(k[::-1], 0, -1)


def prediction_gain_db(k: Float[Array, "*c p"]) -> Float[Array, "*c"]:
    r"""$-10 \sum_m \log_{10}(1 - k_m^2)$: how much weaker what is left over is than the signal."""
    return -10.0 / np.log(10.0) * jnp.sum(jnp.log1p(-k * k), axis=-1)


def prediction_residual(x: Float[Array, "*c t"], a: Float[Array, " n"]) -> Float[Array, "*c t"]:
    r"""What is left of `x` after prediction, $\sum_j a_j x_{n-j}$, with silence before the first sample."""
    samples = x.shape[-1]
    padded = jnp.pad(x, (*[(0, 0)] * (x.ndim - 1), (a.shape[0] - 1, 0)))
    return (
        sum(
            a[j] * lax.slice_in_dim(padded, a.shape[0] - 1 - j, a.shape[0] - 1 - j + samples, axis=-1)
            for j in range(1, a.shape[0])
        )
        + a[0] * x
    )


def integer_residual(x: Int[np.ndarray, "*c t"], a: Float[np.ndarray, " n"]) -> Int[np.ndarray, "*c t"]:
    """Whole numbers less their rounded prediction, on the host in float64: the signal can be rebuilt from them."""
    _whole(x)
    past = np.pad(np.asarray(x, np.float64), (*[(0, 0)] * (x.ndim - 1), (len(a) - 1, 0)))
    ahead = sum(c * past[..., len(a) - 1 - j : past.shape[-1] - j] for j, c in enumerate(a) if j)
    return x + np.round(ahead).astype(np.int64)


def entropy_bits(x: Int[np.ndarray, "*c t"]) -> float:
    r"""$-\sum p \log_2 p$ over the values that occur: bits a sample for an ideal memoryless code.

    Of whole numbers only: floats have a density, whose integral depends on the unit. Raises `TypeError` for them.
    """
    _whole(x)
    if not x.size:
        return 0.0
    p = np.unique(x, return_counts=True)[1] / x.size
    return float(-np.sum(p * np.log2(p))) + 0.0


def _whole(x: np.ndarray) -> None:
    if not np.issubdtype(np.asarray(x).dtype, np.integer):
        raise TypeError(f"Whole numbers are needed, not {np.asarray(x).dtype}: scale to the steps of a format first.")


def lattice_rows(k: Float[Array, " p"]) -> Float[Array, "p p+1"]:
    r"""The normalised lattice $(\tilde A, \tilde B)$ of $1 / A$: its rows are orthonormal, its first is the output too.

    $s'_m = \tilde A s + \tilde B x$ with $\tilde A_{m i} = -k_m k_{i+1} \prod_{m < j \le i} c_j$, $c_m$ below the
    diagonal, $\tilde B_m = k_m \prod_{j > m} c_j$, $c = \sqrt{1 - k^2}$, $k_0 = 1$. White noise leaves it as loud as it
    was.

    Reference: Gray, Markel, "A normalized digital filter structure", IEEE Transactions on Acoustics, Speech, and Signal
    Processing 23(3), 1975.
    """
    size = k.shape[0]
    c = jnp.sqrt((1.0 - k) * (1.0 + k))
    m, i, j = np.ogrid[:size, : size + 1, : size + 1]
    reach = jnp.prod(jnp.where((m < j) & (j <= i), jnp.pad(c, (1, 0), constant_values=1.0), 1.0), axis=-1)
    first, then = jnp.pad(k, (1, 0), constant_values=1.0)[:-1], jnp.pad(-k, (0, 1), constant_values=1.0)
    above = jnp.where((m <= i)[..., 0], first[:, None] * then * reach, 0.0)
    return above + jnp.pad(jnp.diag(c[:-1], -1), ((0, 0), (0, 1)))
