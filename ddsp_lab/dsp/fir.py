"""Long finite impulse responses: exact convolution by FFT, in pieces, and the least-squares response of a recording."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz

SHORT = 1024  # taps up to which a matrix product is about as fast as a transform
SHARE = 4  # pieces of a long signal are at least so many times as long as the response: little is transformed twice
STEPS = 12  # of conjugate gradients; the first guess is right but for what the ends of the recording hide


def convolve(
    x: Float[Array, "c t"], h: Float[Array, "d n"], history: Float[Array, "c m"]
) -> tuple[Float[Array, "c m"], Float[Array, "c t"]]:
    """Each channel through its response, or all through one (d = 1); `history` holds the n - 1 samples before `x`.
    Returns the next history too. Short responses are matrix products of blocks, to whose rounding no later sample adds
    anything; long ones are transformed."""
    joined = jnp.concatenate([history.astype(x.dtype), x], axis=1)
    return joined[:, x.shape[1] :], (_by_product if h.shape[1] <= SHORT else _by_fft)(x, h, joined)


def filtered(x: Float[Array, "c t"], h: Float[Array, "d n"]) -> Float[Array, "c t"]:
    """`convolve` from silence."""
    return convolve(x, h, jnp.zeros((x.shape[0], h.shape[1] - 1), x.dtype))[1]


def _by_product(x: Array, h: Array, joined: Array) -> Array:
    r"""$Y_k = \sum_j X_{k-j} H_j$ for blocks $X_k$, the $H_j$ cut from one Toeplitz matrix."""
    (channels, samples), taps = x.shape, h.shape[1]
    size = max(64, 1 << (taps // 4).bit_length())
    count, back = -(-samples // size), -(-(taps - 1) // size)
    width = (back + 1) * size
    blocks = jnp.pad(joined, ((0, 0), (back * size - taps + 1, -samples % size))).reshape(channels, -1, size)
    frames = jnp.concatenate([blocks[:, j : j + count] for j in range(back + 1)], axis=2)
    row = jnp.pad(h[:, ::-1], ((0, 0), (back * size - taps + 1, 2 * size - 1)))  # shifted by one from row to row
    matrix = jnp.tile(row, size)[:, : size * (row.shape[1] - 1)].reshape(h.shape[0], size, -1)[:, :, :width]
    y = jnp.einsum(
        "ckw,csw->cks", frames, jnp.broadcast_to(matrix, (channels, size, width)), precision=jax.lax.Precision.HIGHEST
    )
    return y.reshape(channels, -1)[:, :samples]


def _by_fft(x: Array, h: Array, joined: Array) -> Array:
    """Overlap-save: the signal is cut into pieces, so that transforms stay as short as the response allows.

    Reference: Oppenheim, Schafer, "Discrete-Time Signal Processing", 3rd ed., Pearson, 2010, section 8.7.3.
    """
    (channels, samples), before = x.shape, h.shape[1] - 1
    piece = min(samples, 1 << (SHARE * before - 1).bit_length())
    size = next_fast_len(before + piece, real=True)
    response = jnp.fft.rfft(h, size)

    def through(part: Float[Array, "c m+p"]) -> Float[Array, "c p"]:
        return jnp.fft.irfft(jnp.fft.rfft(part, size) * response, size)[:, before : before + piece]

    if piece == samples:
        return through(joined)
    pieces = jnp.pad(x, ((0, 0), (0, -samples % piece))).reshape(channels, -1, piece).swapaxes(0, 1)
    tails = jnp.concatenate([joined[None, :, :before], pieces[:-1, :, piece - before :]])
    y = jax.lax.map(through, jnp.concatenate([tails, pieces], axis=2))
    return y.swapaxes(0, 1).reshape(channels, -1)[:, :samples]


def hats(frequency_hz: np.ndarray, centre_hz: np.ndarray, sr: float) -> np.ndarray:
    """How much each band counts at each frequency, (bands, frequencies): all of it at its centre, nothing at the next
    one's, straight between over the logarithm of frequency, level beyond the outermost; they add up to 1. Bands above
    0.45 of the sample rate act there together, each as one part of them."""
    octave = np.log2(np.maximum(frequency_hz, 1.0))
    centre, place, count = np.unique(np.log2(np.minimum(centre_hz, 0.45 * sr)), return_inverse=True, return_counts=True)
    rows = np.stack([np.interp(octave, centre, row) for row in np.eye(centre.size)])
    return rows[place] / count[place][:, None]


def least_squares(x: np.ndarray, y: np.ndarray, length: int, regular: float = 1e-7) -> np.ndarray:
    r"""The response $h$ of `length` taps that minimises $\sum (y - h * x)^2 + \varepsilon |h|^2$, in float64.

    `x` and `y` are `(channels, samples)`. Conjugate gradients from the solution for a recording that goes on for ever,
    whose equations are a Toeplitz system that preconditions those of the real one.

    Reference: Chan, Ng, "Conjugate gradient methods for Toeplitz systems", SIAM Review 38(3), 1996.
    """
    samples = x.shape[1]
    length = min(length, samples)
    size = next_fast_len(samples + length, real=True)
    fx, fy = (rfft(np.asarray(s, np.float64), size) for s in (x, y))
    column = irfft(np.sum(np.abs(fx) ** 2, axis=0), size)[:length]
    ridge = regular * column[0] + 1e-300
    column[0] += ridge

    def normal(h: np.ndarray) -> np.ndarray:
        heard = irfft(fx * rfft(h, size), size)
        heard[:, samples:] = 0.0
        return irfft(np.sum(np.conj(fx) * rfft(heard, size), axis=0), size)[:length] + ridge * h

    right = irfft(np.sum(np.conj(fx) * fy, axis=0), size)[:length]
    h = solve_toeplitz(column, right)
    rest = right - normal(h)
    way = z = solve_toeplitz(column, rest)
    rho = float(np.vdot(rest, z))
    for _ in range(STEPS):
        if not rho > 1e-24 * float(np.vdot(right, h)):
            break
        changed = normal(way)
        step = rho / float(np.vdot(way, changed))
        h, rest = h + step * way, rest - step * changed
        z = solve_toeplitz(column, rest)
        rho, last = float(np.vdot(rest, z)), rho
        way = z + rho / last * way
    return h
