"""Every block and its gradient lower for GPU and TPU, in loops short enough for a machine that pays for each step."""

import re
from math import ceil
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from blocks import every_differentiable
from jax.export import export
from jax.interpreters import mlir
from jaxlib.mlir import ir

from ddsp_lab import Block, Context
from ddsp_lab._block import nest, walk
from ddsp_lab._space import starting_values

SR, SAMPLES, CHANNELS = 48_000, 480_000, 2
MOST_TRIPS = 20_000
ENDLESS = float("inf")  # a loop whose length the program does not tell

# Blocks that still need a form for these platforms, and chains that hold them. This list may only become shorter.
FAILING = {
    "feedback": "plays what it holds block by block, and a detector takes its steps in each",
}


def longest_loop(module: ir.Module) -> float:
    """Trips of the longest loop, a loop within a loop counting as the product."""
    functions = {op.attributes["sym_name"].value: op for op in module.body.operations}

    def inside(op: ir.Operation) -> float:
        return max((longest(o.operation) for region in op.regions for block in region for o in block), default=1.0)

    def longest(op: ir.Operation) -> float:
        if op.name == "func.call":
            return inside(functions[ir.FlatSymbolRefAttr(op.attributes["callee"]).value])
        return inside(op) * (trips(op) if op.name == "stablehlo.while" else 1.0)

    return inside(functions["main"])


def trips(loop: ir.Operation) -> float:
    """Of `while i < limit: i += step`, all three constants; of any other loop it cannot be told."""
    test, body = (region.blocks[0].operations for region in loop.regions)
    compare = test[len(test) - 1].operands[0].owner
    if compare.name != "stablehlo.compare" or "LT" not in str(compare.attributes["comparison_direction"]):
        return ENDLESS
    counter, limit = compare.operands
    if not isinstance(counter.owner, ir.Block):
        return ENDLESS
    at = ir.BlockArgument(counter).arg_number
    increment = body[len(body) - 1].operands[at].owner
    if isinstance(increment, ir.Block) or increment.name != "stablehlo.add":
        return ENDLESS
    numbers = [constant(v) for v in (loop.operands[at], limit, increment.operands[1])]
    return ENDLESS if None in numbers else ceil((numbers[1] - numbers[0]) / numbers[2])


def constant(value: ir.Value) -> int | None:
    owner = value.owner
    if isinstance(owner, ir.Block) or owner.name != "stablehlo.constant":
        return None
    return int(re.search(r"dense<(-?\d+)>", str(owner.attributes["value"]))[1])


def module(f: Any, *shapes: Any) -> ir.Module:
    """A program for both platforms, which holds what either does."""
    text = export(f, platforms=["cuda", "tpu"])(*shapes).mlir_module()
    with mlir.make_ir_context():
        return ir.Module.parse(text)


def program(block: Block) -> tuple[Any, ...]:
    """Output and gradient in values and audio, and shapes to trace it from."""
    p = nest({k: jax.ShapeDtypeStruct(jnp.shape(v), jnp.float32) for k, v in starting_values(block).items()})
    x, y = (jax.ShapeDtypeStruct((n, SAMPLES), jnp.float32) for n in (CHANNELS, block.channels_out(CHANNELS)))

    def both(p, x, w):
        y, pull = jax.vjp(lambda p, x: block.apply(p, x, Context(SR)), p, x)
        return y, pull(w)

    return jax.jit(both), p, x, y


@pytest.mark.nightly
@every_differentiable  # nothing lowers a call to another process
def test_holds_no_long_loop(block):
    longest, links = longest_loop(module(*program(block))), list(walk(block))
    if any(link.sequential for link in links):
        assert longest > MOST_TRIPS, "it need not declare itself sequential"
    elif any(link.name in FAILING for link in links):
        assert longest > MOST_TRIPS, "it fails no longer: take it off the list"
    else:
        assert longest <= MOST_TRIPS


def test_loops_are_counted():
    """A loop in a loop, one unrolled, and one whose length depends on a value."""

    def nested(x):
        return jax.lax.scan(lambda c, _: (jax.lax.fori_loop(0, 7, lambda _, v: jnp.sin(v), c), None), x, length=5)[0]

    def unrolled(x):
        return jax.lax.scan(lambda c, _: (jnp.sin(c), None), x, length=80, unroll=8)[0]

    def unknown(x):
        return jax.lax.while_loop(lambda v: v < 100.0, lambda v: 2.0 * v, x)

    def uneven(x):
        return jax.lax.while_loop(lambda c: c[0] < 100, lambda c: (c[0] + jnp.int32(c[1]), c[1]), (jnp.int32(0), x))[0]

    one = jax.ShapeDtypeStruct((), jnp.float32)
    counts = {nested: 35.0, unrolled: 10.0, jnp.sin: 1.0, unknown: ENDLESS, uneven: ENDLESS}
    for f, count in counts.items():
        assert longest_loop(module(jax.jit(f), one)) == count
