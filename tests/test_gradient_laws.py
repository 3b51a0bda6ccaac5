"""What the derivatives of every block promise: they are those of its output, and finite everywhere."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from blocks import CTX, SAMPLES, decoded, every, every_differentiable, space_of
from helpers import NIGHTLY, jit
from hypothesis import given, settings
from hypothesis import strategies as st

WAYS = 1000 if NIGHTLY else 3  # parameters that are moved alone, each time others


def differences(f, h):
    """The derivative of `f` at 0 by central differences of fourth order, by steps of `h` and of half of it."""
    half, one, two = (np.asarray(f(k * h) - f(-k * h)) for k in (0.5, 1.0, 2.0))
    return (8.0 * one - two) / (12.0 * h), (8.0 * half - one) / (6.0 * h)


@every_differentiable
def test_gradients_are_finite_differences(block, x64):
    """Forward mode in every parameter, in all and in the audio; reverse mode as its transpose. A point counts where
    differences at two steps agree, that is where no kink is near; that says nothing about the gradients. A surrogate
    gradient is no such difference anywhere to speak of, and its reverse mode the transpose of its forward mode."""
    size, tried, smooth, strayed = space_of(block).size, 0, 0, 0.0

    def f(u, x):
        return block.apply(decoded(block, u), x, CTX)

    both = jit(lambda u, x, du, dx: jax.jvp(f, (u, x), (du, dx)))
    pull = jit(lambda u, x, w: jax.vjp(f, u, x)[1](w))
    for seed in range(2):
        rng = np.random.default_rng(seed)
        u, x = rng.uniform(0.15, 0.85, size), 0.2 * rng.standard_normal((2, SAMPLES))
        alone = rng.permutation(np.eye(size))[:WAYS]
        directions = [(du, 0.0 * x) for du in (*alone, rng.standard_normal(size))]
        for du, dx in [*directions, (np.zeros(size), 0.2 * rng.standard_normal(x.shape))]:
            tried += 1
            wanted, again = differences(lambda h: both(u + h * du, x + h * dx, du, dx)[0], 1e-6)  # noqa: B023
            y, pushed = both(u, x, du, dx)
            scale = np.linalg.norm(wanted) + 1e-4 * np.linalg.norm(y)
            if block.surrogate_gradient:
                given = np.asarray(pushed)
                strayed = max(strayed, np.linalg.norm(given - wanted) / scale)
                wanted, scale = given, np.linalg.norm(given) + 1e-30
            elif np.linalg.norm(again - wanted) > 5e-6 * scale:
                continue
            smooth += 1
            assert np.linalg.norm(pushed - wanted) < 1e-5 * scale
            w = rng.standard_normal(wanted.shape)
            gu, gx = pull(u, x, w)
            assert abs(np.vdot(gu, du) + np.vdot(gx, dx) - np.vdot(w, wanted)) < 1e-5 * scale
    assert smooth > tried / 2, "hardly a point without a kink"
    assert strayed > 0.01 if block.surrogate_gradient else strayed == 0.0, "that is the gradient itself"


SIGNALS = {
    "silence": lambda rng: np.zeros((2, SAMPLES)),
    "dc": lambda rng: np.ones((2, SAMPLES)) * rng.choice([-1.0, 1.0]),
    "impulse": lambda rng: np.eye(2, SAMPLES, rng.integers(SAMPLES - 1)),
    "denormal": lambda rng: 1e-38 * rng.standard_normal((2, SAMPLES)),
    "full scale": lambda rng: rng.uniform(-1.0, 1.0, (2, SAMPLES)),
}
PLACES = {
    "start": lambda rng, block: space_of(block).start,
    "anywhere": lambda rng, block: rng.uniform(size=space_of(block).size),
    "corner": lambda rng, block: rng.integers(0, 2, space_of(block).size),
    "lowest": lambda rng, block: np.zeros(space_of(block).size),
    "highest": lambda rng, block: np.ones(space_of(block).size),
}


@cache
def slope(block):
    """Output and reverse-mode gradient in one compiled function."""

    def seen(u, x, w):
        y = block.apply(decoded(block, u), x, CTX)
        return jnp.vdot(w, y), y

    return jit(jax.value_and_grad(seen, argnums=(0, 1), has_aux=True))


MANY = 10_000 if NIGHTLY else 40


@every
@settings(max_examples=MANY)
@given(st.sampled_from(list(SIGNALS)), st.sampled_from(list(PLACES)), st.integers(0, 2**32 - 1))
def test_is_finite_everywhere_and_so_is_its_gradient(block, signal, place, seed):
    rng = np.random.default_rng(seed)
    u, x = PLACES[place](rng, block).astype(np.float32), SIGNALS[signal](rng).astype(np.float32)
    w = rng.choice(np.float32([-1.0, 1.0]), (block.channels_out(2), SAMPLES))
    (_, y), gradients = slope(block)(u, x, w)
    assert all(np.isfinite(v).all() for v in jax.tree.leaves((y, gradients)))
