"""Six operators as in Yamaha's DX7: who moves whom, and by how much.

Reference: Levien, "Music synthesizer for Android", 2012 (its table of algorithms). What the instrument's numbers stand
for is in `dx7_numbers`.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .fm import operator

INDEX = 4.0 * np.pi  # radians by which an operator at full level moves the phase of another
ROUND = 0.49  # of a change of each of the last two samples at most comes back, in the slope of a feedback loop


class Algorithm(NamedTuple):
    """`moved[i]` are the operators that move operator i + 1; `loop` those round which the feedback goes, first the one
    that is moved by it, last the one that it comes from."""

    carriers: tuple[int, ...]
    moved: tuple[tuple[int, ...], ...]
    loop: tuple[int, ...]


def _algorithm(carriers: str, chains: str, loop: str) -> Algorithm:
    """`chains` such as `6543 21`: the operators of each word move the next."""
    pairs = {(int(a), int(b)) for word in chains.split() for a, b in pairwise(word)}
    moved = tuple(tuple(sorted(a for a, b in pairs if b == one)) for one in range(1, 7))
    return Algorithm(tuple(map(int, carriers)), moved, tuple(map(int, loop)))


ALGORITHMS = tuple(
    _algorithm(*row.split(":"))
    for row in (
        "13:6543 21:6",
        "13:6543 21:2",
        "14:654 321:6",
        "14:654 321:654",
        "135:65 43 21:6",
        "135:65 43 21:65",
        "13:653 43 21:6",
        "13:653 43 21:4",
        "13:653 43 21:2",
        "14:321 54 64:3",
        "14:321 54 64:6",
        "13:21 43 53 63:2",
        "13:21 43 53 63:6",
        "13:21 543 643:6",
        "13:21 543 643:2",
        "1:21 431 651:6",
        "1:21 431 651:2",
        "1:21 31 6541:3",
        "145:321 65 64:6",
        "124:31 32 54 64:3",
        "1245:31 32 64 65:3",
        "1345:21 63 64 65:6",
        "1245:32 64 65:6",
        "12345:63 64 65:6",
        "12345:64 65:6",
        "124:32 54 64:6",
        "124:32 54 64:3",
        "136:21 543:5",
        "1235:43 65:6",
        "1236:543:5",
        "12345:65:6",
        "123456::6",
    )
)


def _one_by_one(past: Array, strength: Array, angles: Sequence[Array], amplitudes: Sequence[Array]) -> list[Array]:
    move, out = strength * past, []
    for angle, amplitude in zip(angles, amplitudes, strict=True):
        out.append(amplitude * jnp.sin(angle + move))
        move = INDEX * out[-1]
    return out


@jax.custom_jvp
def _looped(past: Array, strength: Array, angles: Sequence[Array], amplitudes: Sequence[Array]) -> list[Array]:
    """One sample of the operators of a loop, the first of which `past` moves. Strong feedback is chaos, whose slopes
    grow without end: what of a slope goes round is held so small that it dies away."""
    return _one_by_one(past, strength, angles, amplitudes)


@_looped.defjvp
def _(primals, tangents):
    past, *rest = primals
    before, *changes = tangents
    out, changed = jax.jvp(lambda *rest: _one_by_one(past, *rest), tuple(rest), tuple(changes))
    _, round_ = jax.jvp(lambda past: _one_by_one(past, *rest), (past,), (jnp.ones_like(past),))
    return out, [*changed[:-1], changed[-1] + jnp.clip(round_[-1], -ROUND, ROUND) * before]


def _around(
    turns: Sequence[Float[Array, " t"]], amplitudes: Sequence[Float[Array, " t"]], strength: Float[Array, ""]
) -> list[Float[Array, " t"]]:
    """What the operators of a loop give: each moves the next, and the mean of the last one's two latest the first."""

    def sample(past: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
        out = _looped(past[0] + past[1], strength, now[: len(turns)], now[len(turns) :])
        return (out[-1], past[0]), tuple(out)

    nothing = jnp.zeros((), turns[0].dtype)
    return list(lax.scan(sample, (nothing, nothing), (*(2.0 * jnp.pi * v for v in turns), *amplitudes))[1])


def six_operators(
    turns: Float[Array, "6 t"], amplitudes: Float[Array, "6 t"], feedback: Float[Array, ""], algorithm: int
) -> Float[Array, " t"]:
    r"""The sum of the carriers of one of the 32 `ALGORITHMS`, counted from 1; row $i$ is operator $i + 1$.

    A `feedback` of 1 to 7 moves a phase by up to $2^{b - 7}$ turns, each twice the last; below 1 it fades to none.
    """
    carriers, moved, loop = ALGORITHMS[algorithm - 1]
    strength = jnp.pi * 2.0 ** (jnp.maximum(feedback, 1.0) - 7.0) * jnp.minimum(feedback, 1.0)
    rows = [[source[i - 1] for i in loop] for source in (turns, amplitudes)]
    out = dict(zip(loop, _around(rows[0], rows[1], strength), strict=True))
    for i in range(6, 0, -1):
        if i not in out:
            out[i] = amplitudes[i - 1] * operator(turns[i - 1], INDEX * sum(out[j] for j in moved[i - 1]))
    return sum(out[i] for i in carriers)  # pyright: ignore[reportReturnType]
