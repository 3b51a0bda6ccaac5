"""Linear time-invariant filters as exact block state-space: matrix products inside blocks, a short scan across them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .svf import Section, StateSpace, cascade

BLOCK = 64
SCAN_STATES = 12  # XLA:CPU compiles a scan to one native loop while its body touches less than 1 kB

matmul = partial(jnp.matmul, precision=lax.Precision.HIGHEST)


class BlockFilter(NamedTuple):
    r"""$y_k = H x_k + O s_k$, $s_{k+1} = s_k + E s_k + R x_k$ for blocks of L samples."""

    H: Float[Array, "L L"]
    O: Float[Array, "L n"]  # noqa: E741
    R: Float[Array, "n L"]
    E: Float[Array, "n n"]


def delta_power(e: Float[Array, "n n"], power: int) -> Float[Array, "n n"]:
    r"""$A^p - I$ from $E = A - I$ by $E_{a+b} = E_a + E_b + E_a E_b$: no cancellation, however low the pole.

    A loop over the bits of p: written out it would be half of what a compiler has to do for an equaliser.
    """

    def double(carry, bit):
        result, square = carry
        more = result + square + matmul(result, square)
        return (jnp.where(bit, more, result), 2.0 * square + matmul(square, square)), None

    bits = np.array([power >> i & 1 for i in range(power.bit_length())], bool)
    return lax.scan(double, (jnp.zeros_like(e), e), bits)[0][0]


def lower_toeplitz(h: Float[Array, " L"]) -> Float[Array, "L L"]:
    """`T[i, j] = h[i - j]`, by tiling and reshaping: its adjoint is a pad and a sum, no scatter."""
    size = h.shape[0]
    row = jnp.concatenate([h, jnp.zeros_like(h)])
    return jnp.tile(row, size)[: size * (2 * size - 1)].reshape(size, 2 * size - 1)[:, :size].T


def block_filter(ss: StateSpace, size: int) -> BlockFilter:
    """The matrices of a block of `size` samples."""

    def power(carry, _):
        c, b = carry
        return (c + matmul(c, ss.E), b + matmul(ss.E, b)), (c, b)

    _, (observe, reach) = lax.scan(power, (ss.C, ss.B), None, length=size)
    impulse = jnp.concatenate([ss.D[None], matmul(observe[: size - 1], ss.B)])
    return BlockFilter(lower_toeplitz(impulse), observe, reach[::-1].T, delta_power(ss.E, size))


def _affine_scan(u: Float[Array, "*c k n"], e: Float[Array, "n n"], s0: Float[Array, "*c n"]) -> Float[Array, "*c k n"]:
    """The states before each block of `s' = s + E s + u`. Written as multiply and sum, which stays one native loop in
    both directions; a `dot` would not."""
    before = lax.scan(lambda s, v: (s + v + (e * s[..., None, :]).sum(-1), s), s0, jnp.moveaxis(u, -2, 0))[1]
    return jnp.moveaxis(before, 0, -2)


@jax.custom_jvp
def states(u: Float[Array, "*c k n"], e: Float[Array, "n n"], s0: Float[Array, "*c n"]) -> Float[Array, "*c k n"]:
    """The states before each block.

    The tangent is the same recursion driven by $du + dE\\,s$; forming $dE\\,s$ outside the scan keeps the reverse
    pass a scan of n lanes too, with $\\bar E = \\Lambda^T S$ one matrix product.
    """
    return _affine_scan(u, e, s0)


@states.defjvp
def _(primals, tangents):
    u, e, s0 = primals
    du, de, ds0 = tangents
    s = states(u, e, s0)
    return s, _affine_scan(du + matmul(s, de.T), e, ds0)


def lti(
    ss: StateSpace, x: Float[Array, "*c t"], s0: Float[Array, "*c n"]
) -> tuple[Float[Array, "*c n"], Float[Array, "*c t"]]:
    """Filter signals of any length from state `s0`; returns the state after them and the output."""
    *channels, samples = x.shape
    size = min(BLOCK, samples)
    f = block_filter(ss, size)
    blocks = lax.pad(x, jnp.zeros((), x.dtype), [*[(0, 0, 0)] * len(channels), (0, -samples % size, 0)])
    blocks = blocks.reshape(*channels, -1, size)
    s = states(matmul(blocks, f.R.T), f.E, s0)
    y = matmul(blocks, f.H.T) + matmul(s, f.O.T)
    rest = samples % size or size  # the last block is padded: its end state is that of its `rest` real samples
    last, e = s[..., -1, :], f.E if rest == size else delta_power(ss.E, rest)
    end = last + matmul(last, e.T) + matmul(blocks[..., -1, :rest], f.R[:, size - rest :].T)
    return end, y.reshape(*channels, -1)[..., :samples]


def row(
    section: Section, x: Float[Array, "*c t"], s0: Float[Array, "g *c n"]
) -> tuple[Float[Array, "g *c n"], Float[Array, "*c t"]]:
    """Any number of sections one after another, g groups of n / 2: one program for all of them, the last one padded."""
    groups, size = s0.shape[0], s0.shape[-1] // 2
    nothing = (1.0, 1.0, 1.0, 0.0, 0.0)

    def grouped(v, neutral):
        return jnp.pad(v, (0, groups * size - v.size), constant_values=neutral).reshape(groups, size)

    def through(x, group):
        s, y = lti(cascade(group[0]), x, group[1])
        return y, s

    x, s = lax.scan(through, x, (Section(*map(grouped, section, nothing)), s0))
    return s, x
