"""Operators of frequency modulation: sines whose phases other sines move."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

TWO_PI = 2.0 * jnp.pi


def operator(turns: Float[Array, " t"], moved: Float[Array, " t"] | float = 0.0) -> Float[Array, " t"]:
    r"""$\sin(2\pi\varphi + m)$, `moved` by $m$ radians.

    Reference: Chowning, "The synthesis of complex audio spectra by means of frequency modulation", Journal of the Audio
    Engineering Society 21(7), 1973.
    """
    return jnp.sin(TWO_PI * turns + moved)


def feedback_operator(
    turns: Float[Array, " t"], level: Float[Array, " t"] | float, feedback: Float[Array, ""]
) -> Float[Array, " t"]:
    r"""$y_n = \sin(2\pi\varphi_n + \beta\,\tfrac12 (L_{n-1} y_{n-1} + L_{n-2} y_{n-2}))$ with $\beta$ = `feedback` in
    radians: from a sine at 0 over a saw at about 1.5 to noise.

    The mean of two samples takes off what would swing from one sample to the next under strong feedback.

    Reference: Tomisawa, "Tone production method for an electronic musical instrument", US patent 4,249,447, 1981.
    """
    start = TWO_PI * turns
    half = 0.5 * feedback * jnp.broadcast_to(level, turns.shape)

    def sample(past: tuple[Array, Array], now: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        angle, strength = now
        y = jnp.sin(angle + past[0] + past[1])
        return (strength * y, past[0]), y

    nothing = jnp.zeros((), start.dtype)
    return lax.scan(sample, (nothing, nothing), (start, half))[1]


def pair(
    carrier_turns: Float[Array, " t"],
    modulator_turns: Float[Array, " t"],
    index: Float[Array, " t"] | Float[Array, ""],
    feedback: Float[Array, ""] | float = 0.0,
) -> Float[Array, " t"]:
    r"""$\sin(2\pi\varphi_c + I \sin(2\pi\varphi_m + \dots))$: sidebands $f_c \pm k f_m$ of the size $J_k(I)$."""
    modulator = feedback_operator(modulator_turns, 1.0, jnp.asarray(feedback, modulator_turns.dtype))
    return operator(carrier_turns, index * modulator)
