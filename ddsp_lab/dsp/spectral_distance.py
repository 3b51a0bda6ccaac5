"""Distances between short-time spectra, averaged over real bins in real frames."""

from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .stft import frame_count

Bins: TypeAlias = Float[Array, "c frames bins"]
Heard: TypeAlias = Float[Array, "frames 1"]  # 1 / the number of real bins in real frames, 0 in frames that are padding


class Floor(NamedTuple):
    """The `power` below which two magnitudes count as equal: `clamped`, or added, which leaves quiet signals their
    gradient."""

    power: float
    clamped: bool = False


class Resolution(NamedTuple):
    """What is kept of a reference at one resolution."""

    magnitude: Bins
    log: Bins
    norm: Float[Array, ""]
    heard: Heard
    length: Int[Array, ""]
    spectrum: tuple[Bins, Bins, Heard] | None  # its parts and a weight over its energy, for the complex term


def kept(floor: Floor, m: Bins, spectrum: tuple[Bins, Bins] | None, hop: int, length: Int[Array, ""]) -> Resolution:
    """What is kept of a reference whose magnitudes are `m`, and of the spectrum they come from where that is wanted."""
    count = frame_count(length, hop)
    heard = (jnp.arange(m.shape[1]) < count)[:, None] / (count * m.shape[0] * m.shape[2])
    norm = jnp.sqrt(jnp.sum(heard * m * m))
    if spectrum is None:
        return Resolution(m, jnp.log(m), norm, heard, length, None)
    share = (heard > 0) / jnp.sum((heard > 0) * (spectrum[0] ** 2 + spectrum[1] ** 2 + floor.power))
    return Resolution(m, jnp.log(m), norm, heard, length, (*spectrum, share))


def magnitude(floor: Floor, re: Bins, im: Bins) -> Bins:
    power = re * re + im * im
    return jnp.sqrt(jnp.maximum(power, floor.power) if floor.clamped else power + floor.power)


def root(square: Float[Array, ""]) -> Float[Array, ""]:
    """The square root with slope zero at zero: at equality a distance has none."""
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def differences(
    floor: Floor, re: Bins, im: Bins, reference: Bins, log: Bins, heard: Heard
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Weighted sums over bins of the squared differences to `reference` and of the differences to its logarithm."""
    m = magnitude(floor, re, im)
    return jnp.sum(heard * (m - reference) ** 2), jnp.sum(heard * jnp.abs(jnp.log(m) - log))


@differences.defjvp
def _(floor, primals, tangents):
    """By hand, as one coefficient a bin: autodiff's way takes more passes over the spectra. The reference is fixed."""
    re, im, reference, _, heard = primals
    m = magnitude(floor, re, im)
    dm = (re * tangents[0] + im * tangents[1]) / m
    if floor.clamped:
        dm = jnp.where(m * m > floor.power, dm, 0.0)
    error = m - reference
    return differences(floor, *primals), (
        jnp.sum(2.0 * heard * error * dm),
        jnp.sum(heard * jnp.sign(error) / m * dm),
    )
