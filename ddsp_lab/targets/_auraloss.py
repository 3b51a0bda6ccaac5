"""Losses of auraloss, or any others in torch, as targets."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target
from ..dsp.waveform import real_samples


class Features(NamedTuple):
    reference: Float[Array, "c t"]
    length: Int[Array, ""]


@dataclass(frozen=True)
class Auraloss(Target, abc.ABC):  # no member of the registry: it takes a module, which no text can name
    """What a torch module of (prediction, reference), each `(1, channels, samples)`, gives; with its gradient.

    Its value at equality is the module's own: a ratio in decibels is not zero there, and may be negative.

    Reference: Steinmetz, Reiss, "auraloss: audio focused loss functions in PyTorch", DMRN+15, 2020.
    """

    module: Any

    name = "auraloss"

    def check_settings(self) -> None:
        if not callable(self.module):
            raise ExpressionError(
                "bad-setting", f"auraloss({self.module!r}): not callable.", "Give a loss, such as STFTLoss()."
            )

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        return Features(reference, length)

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return _loss(self.module, real_samples(y, features.length), features.reference, features.length)

    def __str__(self) -> str:
        return f"auraloss({type(self.module).__qualname__})"


def auraloss(module: Any) -> Auraloss:
    """A target from a loss of auraloss, or from any other torch module that takes (prediction, reference)."""
    return Auraloss(module)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loss(module: Any, y: Audio, reference: Audio, length: Int[Array, ""]) -> Float[Array, ""]:
    return _called(module, y, reference, length)[0]


def _forward(module: Any, y: Audio, reference: Audio, length: Int[Array, ""]) -> tuple[Array, Array]:
    return _called(module, y, reference, length)


def _backward(module: Any, slope: Audio, upstream: Float[Array, ""]) -> tuple[Array, None, None]:
    return upstream * slope, None, None


_loss.defvjp(_forward, _backward)


def _called(module: Any, y: Audio, reference: Audio, length: Int[Array, ""]) -> tuple[Array, Array]:
    """The loss and its slope, outside of JAX."""
    answer = jax.ShapeDtypeStruct((), y.dtype), jax.ShapeDtypeStruct(y.shape, y.dtype)
    return jax.pure_callback(partial(_in_torch, module), answer, y, reference, length, vmap_method="sequential")


def _in_torch(module: Any, y: Any, reference: Any, length: Any) -> tuple[np.ndarray, np.ndarray]:
    import torch  # pyright: ignore[reportMissingImports]

    y, reference, samples = np.asarray(y), np.asarray(reference), int(length)
    x = torch.tensor(y[None, :, :samples], requires_grad=True)
    loss = module(x, torch.tensor(reference[None, :, :samples]))
    loss.backward()
    slope = np.zeros_like(y)
    slope[:, :samples] = x.grad[0].numpy() if x.grad is not None else 0.0
    return np.asarray(loss.item(), y.dtype), slope
