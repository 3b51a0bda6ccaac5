"""Six operators as in Yamaha's DX7: who moves whom, and what its numbers from 0 to 99 stand for.

Numbers may be fractional: straight between what the whole ones stand for, so that they have slopes.

Reference: Levien, "Music synthesizer for Android", 2012 (its pages on levels, envelopes and the modulation of phases,
as measured on the instrument).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .fm import operator

FULL = 15.0  # levels are in doublings of amplitude; an operator at full level stands here
FLOOR = 1.0 / 16.0  # 90 dB below that
ATTACK_FROM, ATTACK_TO = 1716.0 / 256.0, 17.0  # a rising level jumps up to the one and makes for the other
INDEX = 4.0 * np.pi  # radians by which an operator at full level moves the phase of another
SLOWEST = 0.2819 / (20.0 * np.log10(2.0))  # doublings per second at a rate of 0
CENTS = 1200.0 * 13457.0 / 2**24  # a step of detune

# up to 20 a level's steps of 1/8 doubling grow, above it they are even
_STEPS = np.concatenate(
    [[0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46], np.arange(48, 128)]
).astype(np.float32)


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


def doublings(level: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """A level from 0 to 99, of an operator or in its envelope, in doublings of amplitude: 0 at 99, -15.9 at 0."""
    return (jnp.interp(level, np.arange(100.0), _STEPS) - 127.0) / 8.0


def speed(rate: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Doublings per second at which a level falls at a rate from 0 to 99: twice as fast every 6.2 steps."""
    octaves = jnp.minimum(rate * (41.0 / 64.0), 63.0) / 4.0
    whole = lax.stop_gradient(jnp.floor(octaves))
    return SLOWEST * 2.0**whole * (1.0 + octaves - whole)


def _towards(
    level: Float[Array, "*t"], target: Float[Array, ""], fast: Float[Array, ""], t: Float[Array, "*t"]
) -> Float[Array, "*t"]:
    """The level after `t` seconds: straight down, or up ever slower."""
    start = jnp.maximum(level, ATTACK_FROM)
    up = jnp.minimum(jnp.maximum(target, start), ATTACK_TO - (ATTACK_TO - start) * jnp.exp(-fast * t))
    return jnp.where(target > level, jnp.minimum(up, target), jnp.maximum(target, level - fast * t))


def _takes(level: Float[Array, ""], target: Float[Array, ""], fast: Float[Array, ""]) -> Float[Array, ""]:
    """How many seconds from one level to another."""
    start = jnp.maximum(level, ATTACK_FROM)
    up = jnp.log((ATTACK_TO - start) / (ATTACK_TO - jnp.maximum(target, start)))
    return jnp.where(target > level, up, level - target) / fast


def envelope(
    t: Float[Array, " t"],
    off_s: Float[Array, ""] | float,
    rates: Float[Array, "4"],
    levels: Float[Array, "4"],
    output_level: Float[Array, ""],
) -> Float[Array, " t"]:
    """Amplitude, 1 at most, at `t` seconds since the onset: from the fourth of `levels` to the first three at the first
    three of `rates`, where it stays; from `off_s` on back to the fourth at the fourth. All from 0 to 99."""
    goals = jnp.maximum(FULL + doublings(levels) + doublings(output_level), FLOOR)
    fast = speed(rates)
    held, begins = jnp.minimum(t, off_s), jnp.zeros((), t.dtype)
    level = jnp.broadcast_to(goals[3], t.shape)
    for i in range(3):
        before = goals[i - 1]
        level = jnp.where(held >= begins, _towards(before, goals[i], fast[i], jnp.maximum(held - begins, 0.0)), level)
        begins = begins + _takes(before, goals[i], fast[i])
    level = jnp.where(t > off_s, _towards(level, goals[3], fast[3], jnp.maximum(t - off_s, 0.0)), level)
    return 2.0 ** (level - FULL)


def _around(
    turns: Sequence[Float[Array, " t"]], amplitudes: Sequence[Float[Array, " t"]], feedback: Float[Array, ""]
) -> list[Float[Array, " t"]]:
    """What the operators of a loop give: each moves the next, and the mean of the last one's two latest the first."""

    def sample(past: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
        move, out = feedback * (past[0] + past[1]), []
        for angle, amplitude in zip(now[: len(turns)], now[len(turns) :], strict=True):
            out.append(amplitude * jnp.sin(angle + move))
            move = INDEX * out[-1]
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
