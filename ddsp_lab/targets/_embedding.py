"""Distance between what a model hears in two recordings."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._block import Audio
from .._errors import ExpressionError
from .._target import Target
from ..dsp.waveform import TINY

PROBE = 16_384  # samples of silence on which a model is tried


class Features(NamedTuple):
    embedding: Float[Array, " n"]
    scale: Float[Array, ""]


@dataclass(frozen=True)
class Embedding(Target, abc.ABC):  # no member of the registry: it takes code, which no text can name
    r"""$\|e(y) - e(\hat y)\|^2 / \|e(y)\|^2$ of the embeddings $e$ that a model gives.

    Hears whatever the model hears. Silence after the end of a shorter recording is given to the model too.
    """

    fn: Callable[[Any], Any]
    traced: bool = False  # by JAX, which then has its gradient

    name = "embedding"
    least_squares = True

    @property
    def differentiable(self) -> bool:
        return self.traced

    def check_settings(self) -> None:
        if not callable(self.fn):
            raise ExpressionError("bad-setting", f"embedding({self.fn!r}): not callable.", "Give a function of audio.")

    def _embed(self, x: Audio) -> Float[Array, " n"]:
        if self.traced:
            return jnp.ravel(self.fn(x))
        shape = np.shape(self._outside(np.zeros(x.shape, x.dtype)))
        answer = jax.ShapeDtypeStruct(shape, x.dtype)
        return jax.pure_callback(self._outside, answer, jax.lax.stop_gradient(x), vmap_method="sequential")

    def _outside(self, x: Any) -> np.ndarray:
        x = np.asarray(x)
        return np.ravel(np.asarray(self.fn(x))).astype(x.dtype)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Features:
        embedding = self._embed(reference)
        return Features(embedding, 1.0 / jnp.sqrt(jnp.sum(embedding**2) + TINY))

    def distance(self, features: Features, y: Audio, sr: int) -> Float[Array, ""]:
        return jnp.sum(self.residual(features, y, sr) ** 2)

    def residual(self, features: Features, y: Audio, sr: int) -> Float[Array, " r"]:
        return features.scale * (self._embed(y) - features.embedding)

    def __str__(self) -> str:
        return f"embedding({getattr(self.fn, '__qualname__', type(self.fn).__qualname__)})"


def embedding(fn: Callable[[Any], Any], differentiable: bool | None = None) -> Embedding:
    """A target that compares what `fn` gives for `(channels, samples)`: an array of any shape, always the same.

    `fn` may be a JAX function, and has gradients then; or anything else that takes and gives NumPy arrays (an ONNX
    session, a model in torch), which a search without gradients can use. Which of them it is, is found out by tracing
    it, unless `differentiable` says so.
    """
    return Embedding(fn, _traces(fn) if differentiable is None else differentiable)


def _traces(fn: Callable[[Any], Any]) -> bool:
    """Whether JAX can see through `fn`."""
    try:
        jax.eval_shape(fn, jax.ShapeDtypeStruct((1, PROBE), jnp.float32))
    except Exception:  # a model that is not JAX's may raise anything when it is handed a tracer
        return False
    return True
