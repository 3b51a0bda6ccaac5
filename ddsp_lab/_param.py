"""A parameter: one bounded control in the unit a musician reads. Bounds, unit and scale are declared here only."""

from dataclasses import dataclass
from reprlib import repr as repr_short
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._errors import ParameterError


@dataclass(frozen=True)
class Param:
    """Name, physical bounds, unit and scale of one control; never its value.

    `from_unit` and `to_unit` map [0, 1] to physical values and back, evenly in `scale`. A `shape` other than `()` is
    a row of alike controls (the bands of an equaliser); its default may then be one number or one per element.
    `affine` declares that the block's output runs along a straight line as the value does, so that the best value given
    the others is a matter of linear least squares. `automatable` declares that the block takes a curve of shape
    `(samples,)` as well as a number.
    """

    name: str
    low: float
    high: float
    default: float | tuple[float, ...]
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    shape: tuple[int, ...] = ()
    affine: bool = False
    automatable: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self.name}: low={self.low} must be below high={self.high}.")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"{self.name}: a log scale needs low > 0, got {self.low}.")
        if self.automatable and self.shape:
            raise ValueError(f"{self.name}: a row of controls takes no curve.")
        self.check(self.default, self.name)

    def from_unit(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        if self.scale == "log":
            return self.low * (self.high / self.low) ** u
        return self.low + (self.high - self.low) * u

    def to_unit(self, value: Any) -> np.ndarray:
        """Where physical values stand in [0, 1]; in float64, because a search starts here."""
        value = np.asarray(value, np.float64)
        if self.scale == "log":
            return np.log(value / self.low) / np.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def moved(self, value: Float[Array, "..."], by: Float[Array, "..."]) -> Float[Array, "..."]:
        """`value` moved by that share of the range, evenly in `scale`, and held within the bounds."""
        if self.scale == "log":
            return jnp.clip(value * (self.high / self.low) ** by, self.low, self.high)
        return jnp.clip(value + (self.high - self.low) * by, self.low, self.high)

    def check(self, value: Any, path: str) -> np.ndarray:
        """`value` as an array of this parameter's shape; raises `ParameterError` naming the path and the bounds."""
        try:
            if np.asarray(value).dtype.kind in "bSU":
                raise ValueError
            array = np.broadcast_to(np.asarray(value, np.float64), self.shape)
        except OverflowError:  # a whole number beyond every float
            array = np.asarray(np.inf)
        except (ValueError, TypeError):
            raise ParameterError(
                "parameter-shape",
                f"{path}={repr_short(value)} does not fit the shape {self.shape or 'of one number'}.",
                "Give one number here; render takes a curve."
                if self.automatable
                else "Give one number, or one per element.",
            ) from None
        if not self.holds(array).all():
            raise ParameterError(
                "parameter-bounds",
                f"{path}={repr_short(np.asarray(value).tolist())} is out of bounds.",
                f"Allowed: {self.range_text}.",
            )
        return np.clip(array, self.low, self.high)

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Which values lie within the bounds; one that went through float32 may stand a rounding error outside."""
        slack = 1e-6 * max(abs(self.low), abs(self.high))
        return (values >= self.low - slack) & (values <= self.high + slack)

    @property
    def range_text(self) -> str:
        return f"{self.low:g} to {self.high:g}{' ' + self.unit if self.unit else ''}"


def to_values(p: dict[str, Any]) -> dict[str, Any]:
    """A tree of values as JAX arrays of the default float type. (`device_put` converts without compiling anything.)"""
    return jax.device_put(jax.tree.map(lambda v: np.asarray(v, np.float64), p))
