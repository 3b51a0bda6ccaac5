"""A parameter: one bounded control in the unit a musician reads. Bounds, unit and scale are declared here only."""

from dataclasses import dataclass
from reprlib import repr as repr_short
from typing import Any, Literal, Self

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
    The scale `integer` holds whole numbers, each of them an equal cell of [0, 1]; `choices` are what these numbers
    stand for, where they are no amounts (`Param.choice`). `affine` declares that the block's output runs along a
    straight line as the value does, so that the best value given the others is a matter of linear least squares.
    `automatable` declares that the block takes a curve of shape `(samples,)` as well as a number. `data`, such as a
    recording, is kept in presets and moved by no search.
    """

    name: str
    low: float
    high: float
    default: float | tuple[float, ...]
    unit: str = ""
    scale: Literal["linear", "log", "integer"] = "linear"
    shape: tuple[int, ...] = ()
    affine: bool = False
    automatable: bool = False
    data: bool = False
    choices: tuple[str, ...] = ()

    @classmethod
    def choice(cls, name: str, choices: tuple[str, ...], default: int = 0) -> Self:
        """One of several things without an order; its value is the index of what is chosen."""
        return cls(name, 0, len(choices) - 1, default, scale="integer", choices=choices)

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self.name}: low={self.low} must be below high={self.high}.")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"{self.name}: a log scale needs low > 0, got {self.low}.")
        if self.automatable and self.shape:
            raise ValueError(f"{self.name}: a row of controls takes no curve.")
        if self.scale == "integer" and (self.automatable or self.affine or self.low % 1 or self.high % 1):
            raise ValueError(f"{self.name}: whole numbers have whole bounds, and nothing between them.")
        if self.choices and ((self.low, self.levels) != (0, len(self.choices)) or self.shape):
            raise ValueError(f"{self.name}: one index counts the choices from 0 up.")
        self.check(self.default, self.name)

    @property
    def levels(self) -> int:
        """How many values there are; 0 where they are continuous."""
        return int(self.high - self.low) + 1 if self.scale == "integer" else 0

    def from_unit(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        if self.levels:
            xp = jnp if isinstance(u, Array) else np
            return self.low + xp.clip(xp.floor(u * self.levels), 0, self.levels - 1)
        if self.scale == "log":
            return self.low * (self.high / self.low) ** u
        return self.low + (self.high - self.low) * u

    def to_unit(self, value: Any) -> np.ndarray:
        """Where physical values stand in [0, 1]; in float64, because a search starts here. A whole number stands in the
        middle of its cell."""
        xp = jnp if isinstance(value, Array) else np
        value = value if xp is jnp else np.asarray(value, np.float64)
        if self.levels:
            return (value - self.low + 0.5) / self.levels
        if self.scale == "log":
            return xp.log(value / self.low) / np.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def moved(self, value: Float[Array, "..."], by: Float[Array, "..."]) -> Float[Array, "..."]:
        """`value` moved by that share of the range, evenly in `scale`, and held within the bounds."""
        if self.scale == "log":
            return jnp.clip(value * (self.high / self.low) ** by, self.low, self.high)
        return jnp.clip(value + (self.high - self.low) * by, self.low, self.high)

    def check(self, value: Any, path: str) -> np.ndarray:
        """`value` as an array of this parameter's shape; raises `ParameterError` naming the path and the bounds.

        A choice may be given by its name."""
        if isinstance(value, str) and value in self.choices:
            value = self.choices.index(value)
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
                f"Choose from {self.range_text}."
                if self.choices
                else "Give one number here; render takes a curve."
                if self.automatable
                else "Give one number, or one per element.",
            ) from None
        if not self.holds(array).all():
            raise ParameterError(
                "parameter-bounds",
                f"{path}={repr_short(np.asarray(value).tolist())} is out of bounds.",
                f"Allowed: {self.range_text}.",
            )
        return np.clip(np.rint(array) if self.levels else array, self.low, self.high)

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Which values are allowed; one that went through float32 may stand a rounding error beside them."""
        slack = 1e-6 * max(abs(self.low), abs(self.high))
        between = (values >= self.low - slack) & (values <= self.high + slack)
        return between & np.isclose(values, np.rint(values), rtol=0.0, atol=slack) if self.levels else between

    def covers(self, other: Self) -> bool:
        """Whether every value of the other parameter is one of this."""
        alike = self.shape == other.shape and self.choices == other.choices
        return alike and self.low <= other.low and other.high <= self.high and (not self.levels or other.levels > 0)

    def text(self, value: float) -> str:
        """One value as a person reads it: a choice by its name."""
        return self.choices[round(value)] if self.choices else f"{value:.4g}"

    @property
    def range_text(self) -> str:
        if self.choices:
            return ", ".join(self.choices)
        whole = "whole numbers " if self.levels else ""
        return f"{whole}{self.low:g} to {self.high:g}{' ' + self.unit if self.unit else ''}"


def to_values(p: dict[str, Any]) -> dict[str, Any]:
    """A tree of values as JAX arrays of the default float type. (`device_put` converts without compiling anything.)"""
    return jax.device_put(jax.tree.map(lambda v: np.asarray(v, np.float64), p))
