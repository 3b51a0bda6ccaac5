"""Distances between short-time spectra, averaged over real bins in real frames."""

from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .stft import frame_count

FLOOR = 1e-8  # power, below which two magnitudes count as equal

Bins: TypeAlias = Float[Array, "c frames bins"]
Heard: TypeAlias = Float[Array, "frames 1"]  # 1 / the number of real bins in real frames, 0 in frames that are padding


class Resolution(NamedTuple):
    """What is kept of a reference at one resolution."""

    magnitude: Bins
    log: Bins
    norm: Float[Array, ""]
    heard: Heard
    length: Int[Array, ""]
    spectrum: tuple[Bins, Bins, Heard] | None  # its parts and a weight over its energy, for the complex term


def kept(m: Bins, spectrum: tuple[Bins, Bins] | None, hop: int, length: Int[Array, ""]) -> Resolution:
    """What is kept of a reference whose magnitudes are `m`, and of the spectrum they come from where that is wanted."""
    count = frame_count(length, hop)
    heard = (jnp.arange(m.shape[1]) < count)[:, None] / (count * m.shape[0] * m.shape[2])
    norm = jnp.sqrt(jnp.sum(heard * m * m))
    if spectrum is None:
        return Resolution(m, jnp.log(m), norm, heard, length, None)
    share = (heard > 0) / jnp.sum((heard > 0) * (spectrum[0] ** 2 + spectrum[1] ** 2 + FLOOR))
    return Resolution(m, jnp.log(m), norm, heard, length, (*spectrum, share))


def magnitude(clamped: bool, re: Bins, im: Bins) -> Bins:
    power = re * re + im * im
    # added rather than clamped, the floor leaves quiet signals their gradient
    return jnp.sqrt(jnp.maximum(power, FLOOR) if clamped else power + FLOOR)


def root(square: Float[Array, ""]) -> Float[Array, ""]:
    """The square root with slope zero at zero: at equality a distance has none."""
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def differences(
    clamped: bool, re: Bins, im: Bins, reference: Bins, log: Bins, heard: Heard
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Weighted sums over bins of the squared differences to `reference` and of the differences to its logarithm."""
    m = magnitude(clamped, re, im)
    return jnp.sum(heard * (m - reference) ** 2), jnp.sum(heard * jnp.abs(jnp.log(m) - log))


@differences.defjvp
def _(clamped, primals, tangents):
    """By hand, as one coefficient a bin: autodiff's way takes more passes over the spectra. The reference is fixed."""
    re, im, reference, _, heard = primals
    m = magnitude(clamped, re, im)
    dm = (re * tangents[0] + im * tangents[1]) / m
    if clamped:
        dm = jnp.where(m * m > FLOOR, dm, 0.0)
    error = m - reference
    return differences(clamped, *primals), (
        jnp.sum(2.0 * heard * error * dm),
        jnp.sum(heard * jnp.sign(error) / m * dm),
    )
