"""What the numbers of Yamaha's DX7 stand for: levels, rates, touch and tuning of an operator.

At whole numbers these are the instrument's, steps and all; between them they run straight. Where several numbers stand
for one value the slope is that of the line through the steps, for a search would stand still there.

References: Levien, "Music synthesizer for Android", 2012 (levels, rates, envelopes, velocity and scaling, measured on
the instrument); Gauthier, "Dexed", 2013 to 2024 (detune, and how long a stage between equal levels lasts).
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

FULL = 15.0  # levels are in doublings of amplitude; an operator at full level stands here
FLOOR = 1.0 / 16.0  # 90 dB below that: silence
ATTACK_FROM = 1716.0 / 256.0  # a rising level jumps up to here
HOLD = 480.0 / 256.0  # a stage between equal levels lasts as long as such a fall
SLOWEST = 16.0 * 49_096.0 / 2**24  # doublings per second at a rate of 0, at the instrument's own sample rate
FASTEST = 63  # the highest of the 64 speeds, four of them an octave


def _numbers(text: str) -> np.ndarray:
    return np.array(text.split(), np.float32)


# up to 20 a level's steps of 1/8 doubling grow, above it they are even
_STEPS = np.append(
    _numbers("0 5 9 13 17 20 23 25 27 29 31 33 35 37 39 41 42 43 45 46"), np.arange(48, 128, dtype=np.float32)
)
_TOUCH = _numbers(  # by half the velocity
    "0 70 86 97 106 114 121 126 132 138 142 148 152 156 160 163 166 170 173 174 178 181 184 186 189 190 194 196 198 "
    "200 202 205 206 209 211 214 216 218 220 222 224 225 227 229 230 232 233 235 237 238 240 241 242 243 244 246 246 "
    "248 249 250 251 252 253 254"
).repeat(2)
_USUAL = 239.0  # of these, at a velocity of 100
_BENT = _numbers("0 1 2 3 4 5 6 7 8 9 11 14 16 19 23 27 33 39 47 56 66 80 94 110 126 142 158 174 190 206 222 238 250")

# a level rises as many times faster than it would fall as it is doublings below 17, whole ones: levels, and when
_RISEN = np.concatenate([[ATTACK_FROM], np.arange(7.0, 17.0)]).astype(np.float32)
_WHEN = np.concatenate([[0.0], np.cumsum(np.diff(_RISEN) / np.arange(10.0, 0.0, -1.0))]).astype(np.float32)


class Scaling(NamedTuple):
    """How levels follow the keys on either side of a break point: depths from 0 to 99; curves, 0 to 3, fall along a
    line, fall ever faster, rise ever faster, rise along a line."""

    break_point: Float[Array, "*n"]
    left_depth: Float[Array, "*n"]
    right_depth: Float[Array, "*n"]
    left_curve: Float[Array, "*n"]
    right_curve: Float[Array, "*n"]


def _whole(
    stairs: Callable[[Array], Array], number: Float[Array, "*n"], line: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """`stairs` at whole numbers, straight between them, with the slope of `line`."""
    low = jnp.floor(number)
    exact = stairs(low) + (number - low) * (stairs(low + 1.0) - stairs(low))
    return line + lax.stop_gradient(exact - line)


def _read(table: np.ndarray, at: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The table at whole numbers, straight between them."""
    low = jnp.clip(jnp.floor(at), 0.0, table.size - 2.0)
    values, here = jnp.asarray(table, at.dtype), low.astype(jnp.int32)
    return values[here] + (at - low) * (values[here + 1] - values[here])


def _along(x: Float[Array, "*t"], xs: np.ndarray, ys: np.ndarray) -> Float[Array, "*t"]:
    """The line through a few points, and level after the last."""
    piece = sum((x >= float(begins)).astype(jnp.int32) for begins in xs[1:])
    slopes = np.append(np.diff(ys) / np.diff(xs), 0.0)
    begins, value, slope = (jnp.asarray(v, x.dtype)[piece] for v in (xs, ys, slopes))
    return value + slope * (x - begins)


def output_doublings(level: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """An output level from 0 to 99 in doublings of amplitude: 0 at 99, -15.9 at 0."""
    return (_read(_STEPS, level) - 127.0) / 8.0


def envelope_doublings(level: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """A level within an envelope, from 0 to 99, likewise; two steps are one here: 0 at 99 and at 98."""
    line = _read(_STEPS, level)
    pairs = _read(2.0 * (_STEPS // 2.0) + 1.0, level)
    return (line + lax.stop_gradient(pairs - line) - 127.0) / 8.0


def speed(rate: Float[Array, "*n"], quicker: Float[Array, "*n"] | float = 0.0) -> Float[Array, "*n"]:
    """Doublings per second at which a level falls at a rate from 0 to 99, `quicker` by so many of 64 speeds."""
    q = _whole(lambda r: jnp.floor(r * 41.0 / 64.0), rate, rate * (41.0 / 64.0))
    octaves = jnp.minimum(q + quicker, FASTEST) / 4.0
    whole = lax.stop_gradient(jnp.floor(octaves))
    return SLOWEST * 2.0**whole * (1.0 + octaves - whole)


def quicker(pitch: Float[Array, ""], scaling: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """How many speeds the rates gain at a pitch, for a keyboard rate scaling from 0 to 7."""
    keys = lax.stop_gradient(jnp.clip(jnp.floor(pitch / 3.0) - 7.0, 0.0, 31.0))
    return _whole(lambda s: jnp.floor(s * keys / 8.0), scaling, scaling * keys / 8.0)


def touch_doublings(velocity: Float[Array, ""], sensitivity: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """By how many doublings a velocity from 0 to 1 raises a level, for a sensitivity from 0 to 7: none at 100 / 127."""
    touch = _read(_TOUCH, 127.0 * jnp.asarray(velocity)) - _USUAL
    return _whole(lambda s: jnp.floor((s * touch + 7.0) / 8.0), sensitivity, sensitivity * touch / 8.0) / 16.0


def key_doublings(pitch: Float[Array, ""], scaling: Scaling) -> Float[Array, "*n"]:
    """By how many doublings a pitch raises a level."""
    beyond = jnp.round(pitch) - scaling.break_point - 17.0
    right = beyond >= 0.0
    group = jnp.floor((jnp.abs(beyond) + 1.0) / 3.0)
    depth = jnp.where(right, scaling.right_depth, scaling.left_depth)
    curve = jnp.where(right, scaling.right_curve, scaling.left_curve)
    bent = jnp.asarray(_BENT, depth.dtype)[jnp.minimum(group, _BENT.size - 1).astype(jnp.int32)] / 8.0
    times = lax.stop_gradient(jnp.where((curve == 0.0) | (curve == 3.0), group, bent)) * (329.0 / 4096.0)
    return jnp.where(curve < 2.0, -1.0, 1.0) * _whole(lambda d: jnp.floor(d * times), depth, depth * times) / 8.0


def operator_hz(
    hz: Float[Array, ""],
    coarse: Float[Array, "*n"],
    fine: Float[Array, "*n"],
    detune: Float[Array, "*n"],
    fixed: Float[Array, "*n"],
) -> Float[Array, "*n"]:
    r"""$c\,(1 + f / 100)$ times the note's frequency, $c = 1/2$ for 0, or where `fixed` $10^{c \bmod 4 + f / 100}$ Hz.

    A step of `detune`, -7 to 7, is about a cent, more at low notes; at fixed frequencies only upwards.
    """
    octaves = jnp.log2(hz)
    off = detune * (0.0209 / 7.0) * octaves * jnp.exp(-0.396 * octaves)
    ratio = jnp.where(coarse == 0.0, 0.5, coarse) * (1.0 + 0.01 * fine) * hz * 2.0**off
    alone = 10.0 ** (coarse % 4.0 + 0.01 * fine) * 2.0 ** (13_457.0 / 2**24 * jnp.maximum(detune, 0.0))
    return jnp.where(fixed > 0.5, alone, ratio)


class _Stage(NamedTuple):
    """What a level does: from one to another, at a speed, since so many seconds; `risen` is how far on the way up it
    begins."""

    level: Float[Array, "*t"]
    target: Float[Array, "*t"]
    fast: Float[Array, "*t"]
    since_s: Float[Array, "*t"]
    risen: Float[Array, "*t"]

    @classmethod
    def of(cls, level: Array, target: Array, fast: Array, since_s: Array) -> Self:
        return cls(level, target, fast, since_s, _along(jnp.maximum(level, ATTACK_FROM), _RISEN, _WHEN))

    def now(self) -> Float[Array, "*t"]:
        """Straight down, or up ever slower."""
        up = jnp.minimum(_along(self.risen + self.fast * self.since_s, _WHEN, _RISEN), self.target)
        down = jnp.maximum(self.target, self.level - self.fast * self.since_s)
        return jnp.where(self.target > self.level, up, down)

    def seconds(self) -> Float[Array, "*t"]:
        """How long it takes."""
        up = _along(jnp.maximum(self.target, ATTACK_FROM), _RISEN, _WHEN) - self.risen
        down = jnp.where(self.target < self.level, self.level - self.target, HOLD)
        return jnp.where(self.target > self.level, up, down) / self.fast


def _later(now: Array, earlier: _Stage, later: _Stage) -> _Stage:
    return _Stage(*(jnp.where(now, b, a) for a, b in zip(earlier, later, strict=True)))


def envelope(
    t: Float[Array, " t"],
    off_s: Float[Array, ""] | float,
    fast: Float[Array, "4"],
    levels: Float[Array, "4"],
    full: Float[Array, ""] | float = 0.0,
) -> Float[Array, " t"]:
    """Amplitude at `t` seconds since the onset: from the fourth of `levels` to the first three, at the first three of
    the speeds `fast`, where it stays; from `off_s` on back to the fourth at the fourth. Levels are in doublings, 0 or
    below, and `full`, what the operator is at its loudest, is added to them; 1 is an operator at full level."""
    goals = jnp.maximum(FULL + levels + full, FLOOR)

    def held(t: Float[Array, "*t"]) -> _Stage:
        stage, begins = _Stage.of(goals[3], goals[0], fast[0], t), jnp.zeros((), t.dtype)
        for i in (1, 2):
            begins = begins + _Stage.of(goals[i - 2], goals[i - 1], fast[i - 1], begins).seconds()
            stage = _later(t >= begins, stage, _Stage.of(goals[i - 1], goals[i], fast[i], t - begins))
        return stage

    off = jnp.asarray(off_s, t.dtype)
    released = _Stage.of(held(off).now(), goals[3], fast[3], t - off)
    level = _later(t > off, held(t), released).now()
    return jnp.where(level > FLOOR, 2.0 ** (level - FULL), 0.0)
