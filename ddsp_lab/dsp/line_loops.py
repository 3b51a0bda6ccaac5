"""The loops behind networks of delay lines: a sample at a time, or as many as the shortest line holds."""

from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float
from scipy.linalg import hadamard

Sparse: TypeAlias = tuple[tuple[float, ...], ...]
Mix: TypeAlias = str | Sparse | Float[Array, "n n"]

NATIVE = 8  # lines up to which a whole sample is one small loop body: less than 1 kB, without a matrix product


class Lines(NamedTuple):
    r"""How signals go round: $v = L w$, $w = M v + u$ with line $i$ of $L$ a delay of `delays[i]` samples followed by
    $\sum_k b_{ki} z^{-k} / \prod_j (1 - p_{ji} z^{-1})$. $M$ is "householder" ($1 - \frac 2 N \mathbf 1 \mathbf 1^T$),
    "hadamard" (over $\sqrt N$), "none" (the identity), a matrix, or rows of numbers, mostly zeros."""

    delays: tuple[int, ...]
    taps: Float[Array, "k n"]
    poles: Float[Array, "m n"]
    mix: Mix


class Memory(NamedTuple):
    """What the lines held before the first sample, oldest first: their inputs `w`, and the last outputs `v`."""

    w: Float[Array, "h n"]
    v: Float[Array, "m n"]


def native(net: Lines) -> bool:
    few = len(net.delays) <= NATIVE and len(net.taps) == len(net.poles) == 1
    return few and isinstance(net.mix, (str, tuple)) and net.mix != "hadamard"


def apart(mix: Mix) -> tuple[Any, Any]:
    """What of a mix is fixed, and what of it has derivatives."""
    return (mix, ()) if isinstance(mix, (str, tuple)) else ("", (mix,))


def solution(r: Array | None, x: Array | None, rows: Any, net: Lines, before: Memory, back: bool = False) -> Array:
    """Solve $P v = B (M v + R x) + r$; or the transposed system, $P v = M^T B v + r$ backwards."""
    mix, matrix = apart(net.mix)

    def by(loop: Any) -> Any:
        def run(r: Any, x: Any, taps: Array, poles: Array, matrix: Any, before: Memory) -> Array:
            return loop(r, x, np.asarray(rows), Lines(net.delays, taps, poles, mix or matrix[0]), before, back)[1]

        return run

    here = by(every_sample if native(net) else partial(block_by_block, parallel=False))
    other = by(partial(block_by_block, parallel=True))
    return lax.platform_dependent(r, x, net.taps, net.poles, matrix, before, cpu=sequential_vmap(here), default=other)


def every_sample(
    r: Array | None, x: Array | None, rows: Any, net: Lines, before: Memory, back: bool = False, heard: bool = False
) -> tuple[Memory, Array]:
    """One sample a trip, the lines in a ring that stays in the cache: the fastest where XLA makes one loop of it."""
    samples, history = len(jax.tree.leaves((r, x))[0]), before.w.shape[0]
    size = 1 << (max(net.delays) - 1).bit_length()
    rows = np.asarray(rows, before.w.dtype)

    def tick(carry: Any, inputs: Any) -> Any:
        n, v, ring = carry
        r, x = inputs
        late = [
            lax.dynamic_slice(ring, (n - d & size - 1, jnp.int32(i)), (1, 1))[0, 0] for i, d in enumerate(net.delays)
        ]
        late = net.taps[0] * jnp.stack(late)
        late = mixed(late, net.mix, back) if back else late
        v = net.poles[0] * v + (late if r is None else late + r)
        w = v if back else mixed(v, net.mix)
        w = w if x is None else w + sum(row * one for row, one in zip(rows.T, x, strict=True))
        ring = lax.dynamic_update_slice(ring, w[None], (n & size - 1, jnp.int32(0)))
        return (n + 1, v, ring), jnp.stack([total(row * v) for row in rows.T]) if heard else v

    carry = (jnp.int32(0), before.v[-1], jnp.pad(before.w, ((size - history, 0), (0, 0))))
    (_, last, ring), out = lax.scan(tick, carry, (r, x), reverse=back)
    return Memory(jnp.roll(ring, -samples, axis=0)[size - history :], last[None]), out


def block_by_block(
    r: Array | None, x: Array | None, rows: Any, net: Lines, before: Memory, back: bool = False, parallel: bool = False
) -> tuple[Memory, Array]:
    """As many samples at once as the shortest line holds: no line needs what is being computed."""
    samples, count = len(jax.tree.leaves((r, x))[0]), len(net.delays)
    size = min(*net.delays, samples)
    u = None if x is None else x @ np.asarray(rows, x.dtype).T

    def pieces(s: Array) -> Array:
        return jnp.pad(s[::-1] if back else s, ((0, -samples % size), (0, 0))).reshape(-1, size, count)

    def tick(past: Memory, inputs: Any) -> Any:
        r, u = inputs
        late = read(past.w, net, past.w.shape[0], size)
        late = mixed(late, net.mix, back) if back else late
        v = _damped(late if r is None else late + r, past.v, net.poles, parallel)
        w = v if back else mixed(v, net.mix)
        w = w if u is None else w + u
        return Memory(*(jnp.concatenate([old, new])[len(new) :] for old, new in ((past.w, w), (past.v, v)))), v

    after, v = lax.scan(tick, before, jax.tree.map(pieces, (r, u)))
    v = v.reshape(-1, count)[:samples]
    return after, v[::-1] if back else v


def mixed(v: Float[Array, "*t n"], mix: Mix, back: bool = False) -> Float[Array, "*t n"]:
    """$M v$, or $M^T v$."""
    if isinstance(mix, tuple) and v.ndim == 1:  # in a small loop a product of matrices costs more than all the rest
        m = np.asarray(mix).T if back else np.asarray(mix)
        parts = [[c.item() * v[j] for j, c in enumerate(row) if c] or [jnp.zeros_like(v[0])] for row in m]
        return jnp.stack([reduce(add, terms) for terms in parts])
    if isinstance(mix, str) and mix != "hadamard":
        return v if mix == "none" else v - 2.0 / v.shape[-1] * total(v)[..., None]
    m = hadamard(v.shape[-1]) / np.sqrt(v.shape[-1]) if isinstance(mix, str) else jnp.asarray(mix, v.dtype)
    return jnp.matmul(v, jnp.asarray(m if back else m.T, v.dtype), precision=lax.Precision.HIGHEST)


def total(v: Float[Array, "*t n"]) -> Float[Array, "*t"]:
    """The sum over the lines, written out as a tree: in a small loop a reduction costs more than all the rest."""
    parts = [v[..., i] for i in range(v.shape[-1])]
    while len(parts) > 1:
        odd = parts[len(parts) & ~1 :]
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=False)] + odd
    return parts[0]


def read(w: Float[Array, "h n"], net: Lines, first: int, samples: int) -> Float[Array, "t n"]:
    """`samples` rows from `first` on, each line delayed and through its taps."""
    late = (
        jnp.stack([w[first - d - k : first - d - k + samples, i] for i, d in enumerate(net.delays)], axis=1)
        for k in range(len(net.taps))
    )
    return sum(b * s for b, s in zip(net.taps, late, strict=True))  # pyright: ignore[reportReturnType]


def undamped(v: Float[Array, "t n"], before: Float[Array, "m n"], poles: Float[Array, "m n"]) -> Float[Array, "t n"]:
    r"""$\prod_j (1 - p_j z^{-1})\,v$, `before` being the samples before `v`."""
    v = jnp.concatenate([before, v])
    for pole in poles:
        v = v[1:] - pole * v[:-1]
    return v


def _damped(
    x: Float[Array, "t n"], before: Float[Array, "m n"], poles: Float[Array, "m n"], parallel: bool
) -> Float[Array, "t n"]:
    """The inverse of `undamped`: pole after pole, `before` being the samples before the answer."""
    stages = [before]  # the last samples of each stage's output, the last stage's first
    for pole in poles[:0:-1]:
        stages.append(stages[-1][1:] - pole * stages[-1][:-1])
    for pole, last in zip(poles, reversed(stages), strict=True):
        x = _one_pole(x, pole, last[-1], parallel)
    return x


def _one_pole(x: Float[Array, "t n"], pole: Float[Array, " n"], y0: Float[Array, " n"], parallel: bool) -> Array:
    """$y_t = x_t + p\\,y_{t-1}$; in parallel by doubling the reach, $y_t += p^{s} y_{t-s}$ for s = 1, 2, 4 …"""
    if not parallel:

        def tick(y: Array, v: Array) -> tuple[Array, Array]:
            y = pole * y + v
            return y, y

        return lax.scan(tick, y0, x, unroll=4)[1]
    y = jnp.concatenate([(x[0] + pole * y0)[None], x[1:]])
    for step in (1 << i for i in range((len(x) - 1).bit_length())):
        y, pole = y + pole * jnp.pad(y[:-step], ((step, 0), (0, 0))), pole * pole
    return y
