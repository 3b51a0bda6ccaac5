"""What a chain costs to run, read off its program."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import ceil, log2, prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from ._block import Block, Context, flatten, nest
from ._notes import notes
from ._space import Space, starting_values

SIZES = (1 << 15, 1 << 16)  # two lengths, whose difference leaves out what is done once a call
FUNCTION_OPS = 10  # what an exponential, a logarithm or a tangent comes to in multiplications, roughly
FUNCTIONS = {"exp", "exp2", "log", "log1p", "expm1", "tanh", "sin", "cos", "tan", "atan2", "pow", "logistic", "erf"}
MOVES = {
    "broadcast_in_dim",
    "concatenate",
    "convert_element_type",
    "copy",
    "dynamic_slice",
    "dynamic_update_slice",
    "gather",
    "iota",
    "pad",
    "reshape",
    "rev",
    "scatter",
    "slice",
    "squeeze",
    "stop_gradient",
    "transpose",
}


def ops_per_sample(chain: Block, sr: int = 48_000, channels: int = 1, values: Mapping[str, Any] | None = None) -> float:
    """Arithmetic operations for one sample of each channel, multiplications and additions counted apart.

    With `values`, by path, of whole numbers and choices, what these leave out does not count; without, of several
    branches the dearest does.

    Loops count as their bodies times their lengths; a loop whose length depends on values is taken to sweep the signal
    once. Moving data counts nothing.
    """
    settled = tuple(sorted((k, float(v)) for k, v in (values or {}).items()))
    counts = [_counted(chain, sr, channels, n, settled) for n in SIZES]
    return (counts[1] - counts[0]) / (SIZES[1] - SIZES[0])


def ops_as_chosen(space: Space, u: np.ndarray) -> float:
    """The operations a sample of a chain with its choices as they are at a point."""
    values = flatten(space.decode(u))
    return ops_per_sample(space.chain, values={k: values[k] for k, q in space.params.items() if q.choices})


@lru_cache(maxsize=4096)
def _counted(chain: Block, sr: int, channels: int, samples: int, settled: tuple[tuple[str, float], ...]) -> float:
    return _ops(_program(chain, sr, channels, samples, dict(settled)).jaxpr, samples)


def _program(chain: Block, sr: int, channels: int, samples: int, settled: Mapping[str, Any]) -> core.ClosedJaxpr:
    start = starting_values(chain)
    p = {k: jnp.asarray(v, jnp.result_type(float)) for k, v in start.items() if k not in settled}
    if chain.takes == "notes":  # one that sounds all the time
        x: Any = notes([(0.0, samples / sr, 60.0, 0.8)], samples / sr)
        return jax.make_jaxpr(lambda p: chain.apply(nest(p | dict(settled)), x, Context(sr)))(p)
    x = jax.ShapeDtypeStruct((channels, samples), jnp.result_type(float))
    return jax.make_jaxpr(lambda p, x: chain.apply(nest(p | dict(settled)), x, Context(sr)))(p, x)


def _ops(program: Any, samples: int) -> float:
    return sum(_cost(eqn, samples) for eqn in program.eqns)


def _cost(eqn: Any, samples: int) -> float:
    name, params = eqn.primitive.name, eqn.params
    size = sum(prod(v.aval.shape) for v in eqn.outvars)
    match name:
        case "scan":
            return params["length"] * _ops(params["jaxpr"].jaxpr, samples)
        case "while":
            body = params["body_jaxpr"].jaxpr
            widest = max(
                (prod(v.aval.shape) for e in body.eqns for v in e.outvars if e.primitive.name == "mul"), default=1
            )
            return ceil(samples / widest) * _ops(body, samples)
        case "cond":
            forms = params.get("branches_platforms")  # the form for a CPU, where a kernel has several
            if forms and ("cpu",) in forms:
                return _ops(params["branches"][forms.index(("cpu",))].jaxpr, samples)
            return max(_ops(branch.jaxpr, samples) for branch in params["branches"])
        case "custom_linear_solve":  # what runs is the solver, not the equation it solves
            return _ops(params["jaxprs"].solve.jaxpr, samples)
        case "dot_general":
            (contracted, _), _ = params["dimension_numbers"]
            return 2.0 * size * prod(eqn.invars[0].aval.shape[i] for i in contracted)
        case "fft":
            n = prod(params["fft_lengths"])
            return 2.5 * size * log2(max(n, 2))
        case "reduce_sum" | "reduce_max" | "reduce_min" | "reduce_prod" | "argmax" | "cumsum":
            return float(prod(eqn.invars[0].aval.shape))
    inner = [v for v in params.values() if isinstance(v, (core.Jaxpr, core.ClosedJaxpr))]
    if inner:
        return sum(_ops(j.jaxpr if isinstance(j, core.ClosedJaxpr) else j, samples) for j in inner)
    return 0.0 if name in MOVES else size * (FUNCTION_OPS if name in FUNCTIONS else 1.0)
