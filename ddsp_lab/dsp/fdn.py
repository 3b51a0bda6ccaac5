"""Networks of delay lines: each line with its own loss and damping, all of them mixed into one another."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import sequential_vmap
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from .line_loops import Lines, Memory, apart, every_sample, mixed, native, read, solution, undamped
from .line_slopes import heard_change


def memory(delays: tuple[int, ...], taps: int = 1, poles: int = 1) -> Memory:
    """Silence in lines with so many taps and poles."""
    return Memory(jnp.zeros((max(delays) + taps - 1, len(delays))), jnp.zeros((poles, len(delays))))


def network(x: Float[Array, "t c"], rows: np.ndarray, net: Lines, before: Memory) -> tuple[Memory, Float[Array, "t n"]]:
    r"""Send $u = R x$ through the lines, `rows` being $R$ (n by c); returns the memory after it, and $v$.

    References: Jot, Chaigne, "Digital delay networks for designing artificial reverberators", AES 90th Convention,
    1991; Schlecht, Habets, "On lossless feedback delay networks", IEEE Trans. Signal Processing 65, 2017.
    """
    before = Memory(*(s.astype(x.dtype) for s in before))
    mix, matrix = apart(net.mix)
    v = _outputs(_fixed(rows), net.delays, mix, x, net.taps, net.poles, matrix, before)
    return _after(v, x, rows, net, before), v


def _after(v: Array, x: Array, rows: Any, net: Lines, before: Memory) -> Memory:
    samples, history = x.shape[0], before.w.shape[0]
    first = max(0, samples - history)
    w = jnp.concatenate([before.w, mixed(v[first:], net.mix) + x[first:] @ np.asarray(rows, x.dtype).T])
    return Memory(w[-history:], jnp.concatenate([before.v, v])[samples:])


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _outputs(
    rows: Any, delays: tuple[int, ...], mix: Any, x: Array, taps: Array, poles: Array, matrix: Any, before: Memory
) -> Array:
    r"""With $P_i = \prod_j (1 - p_{ji} z^{-1})$ and $B$ the taps and delays, $v$ solves $P v = B (M v + R x)$."""
    return solution(None, x, rows, Lines(delays, taps, poles, mix or matrix[0]), before)


@partial(_outputs.defjvp, symbolic_zeros=True)
def _(rows: Any, delays: tuple[int, ...], mix: Any, primals: Any, tangents: Any) -> tuple[Array, Array]:
    """The tangent solves the same system, driven by how the equation changes with all but $v$ itself. Its adjoint is
    the same loop backwards, through the transposed matrices."""
    v = _outputs(rows, delays, mix, *primals)
    _, taps, poles, matrix, before = primals
    net = Lines(delays, taps, poles, mix or matrix[0])
    still = Memory(jnp.zeros_like(before.w), jnp.zeros_like(before.v))
    late = None
    if len(taps) == 1 and mix and not _varies(tangents[0]) and not _varies(tangents[4]):
        late = undamped(v, before.v, poles) / taps  # what came out of the delays, without reading them again

    def short_of(x: Array, taps: Array, poles: Array, matrix: Any, before: Memory) -> Array:
        net = Lines(delays, taps, poles, mix or matrix[0])
        if late is not None:
            return taps * late - undamped(v, before.v, poles)
        w = jnp.concatenate([before.w, mixed(v, net.mix) + x @ np.asarray(rows, x.dtype).T])
        return read(w, net, before.w.shape[0], x.shape[0]) - undamped(v, before.v, poles)

    def equation(v: Array) -> Array:
        w = jnp.concatenate([still.w, mixed(v, net.mix)])
        return undamped(v, still.v, poles) - read(w, net, still.w.shape[0], v.shape[0])

    return v, lax.custom_linear_solve(
        equation,
        _pushed(short_of, primals, tangents)[1],
        solve=lambda _, r: solution(r, None, rows, net, still),
        transpose_solve=lambda _, r: solution(r, None, rows, net, still, back=True),
    )


def _varies(tangent: Any) -> bool:
    return any(not isinstance(t, SymbolicZero) for t in _leaves(tangent))


def _leaves(tree: Any) -> list[Any]:
    return jax.tree.leaves(tree, is_leaf=lambda t: isinstance(t, SymbolicZero))


def _pushed(f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """`jax.jvp`, in those arguments alone that vary: what does not would be computed all the same."""
    flat, tree = jax.tree.flatten(primals)
    moving = {i: t for i, t in enumerate(_leaves(tangents)) if not isinstance(t, SymbolicZero)}

    def of(*values: Array) -> Any:
        new = dict(zip(moving, values, strict=True))
        return f(*jax.tree.unflatten(tree, [new.get(i, v) for i, v in enumerate(flat)]))

    return jax.jvp(of, tuple(flat[i] for i in moving), tuple(moving.values()))


def reverb(x: Float[Array, "t c"], rows: np.ndarray, net: Lines, before: Memory) -> tuple[Memory, Float[Array, "t c"]]:
    """`network` heard through the rows it was driven by, $R^T v$: the same numbers, faster where few lines stay in the
    processor's cache, because nothing but the sum is written down."""
    if native(net):
        return _heard(_fixed(rows), net.delays, net.mix, x, net.taps, net.poles, before)
    after, v = network(x, rows, net, before)
    return after, _sums(v, rows)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _heard(
    rows: Any, delays: tuple[int, ...], mix: Any, x: Array, taps: Array, poles: Array, before: Memory
) -> tuple[Memory, Array]:
    def here(x: Array, taps: Array, poles: Array, before: Memory) -> tuple[Memory, Array]:
        before = Memory(*(s.astype(x.dtype) for s in before))
        return every_sample(None, x, rows, Lines(delays, taps, poles, mix), before, heard=True)

    other = partial(_by_network, rows, delays, mix)
    return lax.platform_dependent(x, taps, poles, before, cpu=sequential_vmap(here), default=other)


def _by_network(
    rows: Any, delays: tuple[int, ...], mix: Any, x: Array, taps: Array, poles: Array, before: Memory
) -> tuple[Memory, Array]:
    after, v = network(x, np.asarray(rows), Lines(delays, taps, poles, mix), before)
    return after, _sums(v, np.asarray(rows))


@partial(_heard.defjvp, symbolic_zeros=True)
def _(rows: Any, delays: tuple[int, ...], mix: Any, primals: Any, tangents: Any) -> Any:
    x, taps, poles, before = primals
    if any(_varies(t) for t in (tangents[0], tangents[3])):
        return _pushed(partial(_by_network, rows, delays, mix), primals, tangents)

    def plainly(change: Any) -> Any:
        return jax.jvp(lambda b, p: _by_network(rows, delays, mix, x, b, p, before), (taps, poles), change)

    before, net = Memory(*(s.astype(x.dtype) for s in before)), Lines(delays, taps, poles, mix)
    d_taps, d_poles = (t if _varies(t) else jnp.zeros_like(s) for s, t in zip(primals[1:3], tangents[1:3], strict=True))
    change = (d_taps, d_poles)
    v = _outputs(rows, delays, mix, x, taps, poles, (), before)
    heard = heard_change(v, np.asarray(rows), net, before, change, lambda change: plainly(change)[1][1])
    return (_after(v, x, rows, net, before), _sums(v, np.asarray(rows))), (plainly(change)[1][0], heard)


def _fixed(rows: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, np.asarray(rows, float).tolist()))


def _sums(v: Float[Array, "t n"], rows: np.ndarray) -> Float[Array, "t c"]:
    return jnp.matmul(v, np.asarray(rows, v.dtype), precision=lax.Precision.HIGHEST)


def passing(
    x: Float[Array, "t c"], rows: np.ndarray, net: Lines, before: Memory
) -> tuple[Memory, Float[Array, "h+t n"]]:
    """`network`, but what goes into the lines, their memory first: to be heard at any place along them."""
    after, v = network(x, rows, net, before)
    w = mixed(v, net.mix) + x @ np.asarray(rows, x.dtype).T
    return after, jnp.concatenate([before.w.astype(w.dtype), w])


def comb(
    x: Float[Array, "t c"], delays: tuple[int, ...], gain: float, before: Memory
) -> tuple[Memory, Float[Array, "t c"]]:
    r"""$z^{-D} / (1 - g z^{-D})$, one line a channel: what an all-pass after Schroeder is made of."""
    taps = jnp.full((1, len(delays)), gain, x.dtype)
    after, v = reverb(x, np.eye(len(delays)), Lines(delays, taps, jnp.zeros_like(taps), "none"), before)
    return after, v / gain


def line_lengths(longest: int, ratios: np.ndarray) -> tuple[int, ...]:
    """Line lengths near `longest * ratios`, the nearest distinct primes, so that no two lines ring together."""
    lengths: list[int] = []
    for wanted in np.maximum(2, np.round(longest * ratios)).astype(int).tolist():
        n = wanted
        while n in lengths or any(n % p == 0 for p in range(2, int(n**0.5) + 1)):
            n += 1
        lengths.append(n)
    return tuple(lengths)
