"""Every member of the registry of blocks, and how the laws play them."""

import dataclasses
import typing
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import jit

from ddsp_lab import Block, Context, Space
from ddsp_lab._param import to_values
from ddsp_lab._registry import settings_of

SR, SAMPLES = 8000, 2048
CUTS = [0, 1, *range(2, SAMPLES + 1, 341)]  # into pieces of two lengths, the longer no multiple of any block
CTX = Context(SR)
OURS = {k: v for k, v in sorted(Block.registry.items()) if v.__module__.startswith("ddsp_lab.")}
ALL = {k: v.example() for k, v in OURS.items() if not v.needs_file}
MEMBERS = {k: v for k, v in ALL.items() if v.takes == "audio"}  # what takes notes has laws in `test_synth_laws.py`
SYNTHS = {k: v for k, v in ALL.items() if v.takes == "notes"}


def switched(block):
    """The block with each switch and choice among its settings thrown once, by what was changed."""
    hints = typing.get_type_hints(type(block))
    for field in settings_of(type(block)):
        value, hint = getattr(block, field.name), hints[field.name]
        choices = (True, False) if hint is bool else typing.get_args(hint)
        if hint is bool or typing.get_origin(hint) is typing.Literal:
            other = next(c for c in choices if c != value)
            yield f"{field.name}={other}", dataclasses.replace(block, **{field.name: other})


VARIANTS = MEMBERS | {f"{k}-{what}": v for k, b in MEMBERS.items() for what, v in switched(b)}
every = pytest.mark.parametrize("block", MEMBERS.values(), ids=MEMBERS)
SMOOTH = {k: v for k, v in MEMBERS.items() if v.differentiable}
every_differentiable = pytest.mark.parametrize("block", SMOOTH.values(), ids=SMOOTH)
every_variant = pytest.mark.parametrize("block", VARIANTS.values(), ids=VARIANTS)
every_and_by_night_its_variants = pytest.mark.parametrize(
    "block", [pytest.param(v, id=k, marks=() if k in MEMBERS else pytest.mark.nightly) for k, v in VARIANTS.items()]
)


def every_with_its_own(method):
    """Every member that does not leave a method to `Block`, which answers that it knows nothing."""
    own = {k: v for k, v in MEMBERS.items() if getattr(type(v), method) is not getattr(Block, method)}
    return pytest.mark.parametrize("block", own.values(), ids=own)


def noise(seed, shape=(2, SAMPLES), level=0.2):
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


space_of = cache(Space)


def decoded(block, u):
    """Values at a point, without the clipping of `Space.decode`, whose slope is zero at the edges."""
    space = space_of(block)
    return space.layout.decode(u, space.base)


def values(block, u):
    """Values at a point, compiling nothing."""
    return to_values(decoded(block, np.asarray(u, np.float64)))


def jit_of(block):
    """How its output is compiled where two ways to it are compared; with poles beside the circle, as it is in use:
    what optimised code does not round becomes the sixth digit."""
    return jax.jit if block.name == "all_pole" else jit


@cache
def player(block):
    """The block as one compiled function of values and audio."""
    return jit_of(block)(lambda p, x: block.apply(p, x, CTX))


def play(block, u, x):
    return np.asarray(player(block)(values(block, u), jnp.asarray(x)))


def by_itself(block, u):
    """What a source gives without input; of others, nothing."""
    silence = np.zeros((2, SAMPLES), np.float32)
    return play(block, u, silence) if block.is_source else silence


def draws(block, count, seed=0):
    return np.random.default_rng(seed).uniform(size=(count, space_of(block).size)).astype(np.float32)


def apart(a, b):
    """The largest difference over the largest sample of `b`."""
    return np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)


def correlation(x, y):
    """Of the first channels, at lags from 0 up: for white noise, the impulse response."""
    size = 2 * x.shape[1]
    return np.fft.irfft(np.conj(np.fft.rfft(x[0], size)) * np.fft.rfft(y[0], size))[: x.shape[1] // 2]
