"""Functions of samples and a few numbers whose derivatives are written out."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import jax
from jaxtyping import Array

Sloped: TypeAlias = tuple[Array, tuple[Array, ...]]  # a value a sample, and its slope in each argument


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def value(sloped: Callable[..., Sloped], *arguments: Array) -> Array:
    r"""$f(a_1, a_2 \dots)$, sample by sample, of a function that gives its slopes too.

    The gradient then keeps one array an argument and takes one product of it; derived step by step, an envelope or a
    wave keeps dozens.
    """
    return sloped(*arguments)[0]


@value.defjvp
def _(sloped, primals, tangents):
    y, slopes = sloped(*primals)
    return y, sum(slope * change for slope, change in zip(slopes, tangents, strict=True))
