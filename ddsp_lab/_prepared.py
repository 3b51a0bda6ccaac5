"""What a target prepared, and for which shape: a prediction of another shape is refused, never broadcast."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import jax

from ._errors import AudioError


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Prepared:
    """The features of a reference `(channels, samples)`."""

    features: Any
    shape: tuple[int, ...] = dataclasses.field(metadata={"static": True})


def keeping_shape(prepare: Callable[..., Any]) -> Callable[..., Prepared]:
    """A target's own `prepare`, with the shape of the reference kept beside what it gives."""

    @wraps(prepare)
    def call(self: Any, reference: Any, *args: Any, **kwargs: Any) -> Prepared:
        return Prepared(prepare(self, reference, *args, **kwargs), reference.shape)

    return call


def checking_shape(compare: Callable[..., Any]) -> Callable[..., Any]:
    """A target's own `distance` or `residual`, of a prediction that has the shape of the reference."""

    @wraps(compare)
    def call(self: Any, features: Any, y: Any, sr: int) -> Any:
        if not isinstance(features, Prepared):  # from within the target itself
            return compare(self, features, y, sr)
        if y.shape != features.shape:
            raise AudioError(
                "target-shape",
                f"{self} compares sample by sample: the reference is {features.shape}, the prediction {y.shape}.",
                "Cut or mix one of them, so that both are (channels, samples) of one size.",
            )
        return compare(self, features.features, y, sr)

    return call


WRAPPED = {
    "prepare": keeping_shape,
    "distance": checking_shape,
    "distances": checking_shape,
    "residual": checking_shape,
}
