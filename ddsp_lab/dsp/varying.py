"""Filters whose settings change from sample to sample: linear recursions of two states, in parallel where a step of a
loop is dear."""

from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .ballistics import Maps, _prefix
from .linear_map import linear_map
from .svf import Section

Pair: TypeAlias = tuple[Float[Array, "*t"], Float[Array, "*t"]]
Settings: TypeAlias = tuple[Float[Array, "*t"], Float[Array, "*t"], Float[Array, "*t"]]

UNROLL = 4  # 8 would push the loop's body over the size XLA:CPU compiles natively, and cost 20 times the time


def _step(s: Pair, drive: Pair, settings: Settings) -> Pair:
    r"""$s' = s + E s + q$ with $E = ((-r b, -b), (b, -g b))$: one step of two trapezoidal integrators."""
    (s1, s2), (q1, q2), (b, r, g) = s, drive, settings
    return s1 + (q1 - b * (s2 + r * s1)), s2 + (q2 + b * (s1 - g * s2))


def _serial(start: Pair, drive: Pair, settings: Settings, reverse: bool = False) -> tuple[Pair, Pair]:
    end, before = lax.scan(lambda s, now: (_step(s, *now), s), start, (drive, settings), reverse=reverse, unroll=UNROLL)
    return before, end


def _parallel(start: Pair, drive: Pair, settings: Settings, reverse: bool = False) -> tuple[Pair, Pair]:
    if reverse:
        drive, settings = jax.tree.map(lambda v: v[::-1], (drive, settings))

    def then(first: Maps, second: Maps) -> Maps:
        u1, u2, a11, a12, a21, a22 = first
        v1, v2, b11, b12, b21, b22 = second
        return (
            u1 + (v1 + b11 * u1 + b12 * u2),
            u2 + (v2 + b21 * u1 + b22 * u2),
            a11 + (b11 + b11 * a11 + b12 * a21),
            a12 + (b12 + b11 * a12 + b12 * a22),
            a21 + (b21 + b21 * a11 + b22 * a21),
            a22 + (b22 + b21 * a12 + b22 * a22),
        )

    b, r, g = settings
    first = jnp.arange(b.shape[0]) == 0
    begun = _step(start, (drive[0][0], drive[1][0]), (b[0], r[0], g[0]))
    drive = jax.tree.map(lambda s, q: jnp.where(first, s, q), begun, drive)
    s1, s2, *_ = _prefix(then, (0.0,) * 6, (*drive, -r * b, -b, b, -g * b))
    before = jax.tree.map(lambda s0, s: jnp.concatenate([s0[None], s[:-1]]), start, (s1, s2))
    return jax.tree.map(lambda s: s[::-1], before) if reverse else before, (s1[-1], s2[-1])


def _run(start: Pair, drive: Pair, settings: Settings, reverse: bool = False) -> tuple[Pair, Pair]:
    """The states before each sample and after the last."""
    return lax.platform_dependent(
        start, drive, settings, cpu=partial(_serial, reverse=reverse), default=partial(_parallel, reverse=reverse)
    )


def _settings(section: Section) -> Settings:
    g, k = section.g, section.k
    return 2.0 * g / (1.0 + g * (g + k)), g + k, g


def _drive(x: Array, settings: Settings) -> Pair:
    b, _, g = settings
    return b * x, b * (g * x)


def _driven(s: Pair, x: Array, settings: Settings) -> Pair:
    return _step(s, _drive(x, settings), settings)


def _mixed(x: Array, section: Section, before: Pair, after: Pair) -> Array:
    """The integrators give the means of what they held before and after the sample."""
    band, low = (0.5 * (s + t) for s, t in zip(before, after, strict=True))
    return section.m0 * x + section.m1 * band + section.m2 * low


@jax.custom_jvp
def _filtered(x: Array, section: Section, start: Pair) -> tuple[Array, Pair]:
    """The output and the state after it. Entries of `section` that do not move are numbers."""

    def serial(x: Array, section: Section, start: Pair) -> tuple[Array, Pair]:
        b, moving = _settings(section)[0], {k: v for k, v in section._asdict().items() if jnp.ndim(v)}

        def tick(s: Pair, now: tuple[Array, Array, dict[str, Array]]) -> tuple[Pair, Array]:
            x, b, moved = now
            here = section._replace(**moved)
            after = _driven(s, x, (b, here.g + here.k, here.g))
            return after, _mixed(x, here, s, after)

        end, y = lax.scan(tick, start, (x, b, moving), unroll=UNROLL)
        return y, end

    def parallel(x: Array, section: Section, start: Pair) -> tuple[Array, Pair]:
        settings = _settings(section)
        before, end = _parallel(start, _drive(x, settings), settings)
        return _mixed(x, section, before, _driven(before, x, settings)), end

    return lax.platform_dependent(x, section, start, cpu=serial, default=parallel)


@_filtered.defjvp
def _(primals, tangents):
    (x, section, start), (dx, moved, d_start) = primals, tangents
    settings, steered = jax.jvp(_settings, (section,), (moved,))
    before, end = _run(start, _drive(x, settings), settings)

    def heard(x: Array, section: Section, settings: Settings, before: Pair) -> Array:
        return _mixed(x, section, before, _driven(before, x, settings))

    def forwards(given: tuple[Pair, Pair]) -> tuple[Pair, Pair]:
        return _run(given[0], given[1], settings)

    def backwards(heard: tuple[Pair, Pair]) -> tuple[Pair, Pair]:
        """With its second state turned round the system is its own transpose, in reverse."""
        (h1, h2), (e1, e2) = heard
        (q1, q2), (s1, s2) = _run((e1, -e2), (h1, -h2), settings, reverse=True)
        return (s1, -s2), (q1, -q2)

    _, pushed = jax.jvp(partial(_driven, before), (x, settings), (dx, steered))
    d_before, d_end = linear_map(forwards, backwards, forwards, (d_start, pushed))
    y, dy = jax.jvp(heard, (x, section, settings, before), (dx, moved, steered, d_before))
    return (y, end), (dy, d_end)


def filtered(
    section: Section, x: Float[Array, "c t"], s0: Float[Array, "c 2"]
) -> tuple[Float[Array, "c 2"], Float[Array, "c t"]]:
    """A second-order section whose values are one a sample, (t,), or one for all; returns the state after the signal
    and the output. `g` has to be one a sample.

    The trapezoidal state-variable filter keeps what its two integrators hold, whatever its settings do: it stays stable
    while they move, and makes no clicks.

    Reference: Zavalishin, "The Art of VA Filter Design", Native Instruments, 2018, sections 4.4 and 4.8.
    """

    def one(channel: tuple[Float[Array, " t"], Float[Array, "2"]]) -> tuple[Array, Array]:
        x, start = channel
        y, end = _filtered(x, section, (start[0], start[1]))
        return jnp.stack(end), y

    return lax.map(one, (x, s0))  # side by side, arrays in the loop's body would make it many times slower
