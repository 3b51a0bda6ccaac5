"""Programs that are neither traced nor compiled again: not in this process, and not in the next."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Hashable
from functools import cache, lru_cache, partial, update_wrapper
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ._files import write_whole

# XLA:CPU's older emitters compile in two thirds of the time. Their code runs as fast in most chains, in half the time
# in a comb, in half as much again in the gradients of a chorus or a tube. An option is an error to a compiler that does
# not know it, hence the versions for which it is known to be there.
FAST_TO_COMPILE = {"xla_cpu_use_fusion_emitters": False} if jax.__version_info__ < (0, 11) else None
jit = partial(jax.jit, compiler_options=FAST_TO_COMPILE)
PINNED = ("ddsp_lab", "numpy", "jax", "jaxlib", "builtins", "copyreg")  # modules whose source or version is in the key


def compiled(f: Callable[..., Any] | None = None, *, static: int = 0) -> Any:
    """`jax.jit` whose traced program is kept on the disk, where XLA keeps what it made of it.

    Tracing a chain and its gradient takes as long as ten steps of a fit; a program read from the disk takes a tenth of
    that. It is found by the source of this library, the versions beneath it, the `static` first arguments and the
    static parts of the others, and the shapes. Whatever else could change it (a block or a target from elsewhere, whose
    source is not known here) is traced in every process. Answers are arrays, or plain tuples and mappings of them.
    """
    if f is None:
        return partial(compiled, static=static)

    def call(*args: Any) -> Any:
        leaves, structure = jax.tree.flatten(args[static:])
        if any(isinstance(leaf, Tracer) for leaf in leaves):
            return f(*args)
        shapes = tuple(_shape(leaf) for leaf in leaves)
        return _program(f, args[:static], structure, shapes, jax.config.jax_enable_x64)(*leaves)  # pyright: ignore[reportAttributeAccessIssue]

    return update_wrapper(call, f)


def _shape(leaf: Any) -> tuple[tuple[int, ...], Any]:
    if isinstance(leaf, jax.Array):
        return leaf.shape, leaf.dtype
    return np.shape(leaf), jnp.result_type(leaf)


@lru_cache(maxsize=1024)
def _program(f: Callable[..., Any], static: tuple[Hashable, ...], structure: Any, shapes: Any, x64: bool) -> Any:
    def flat(*leaves: Any) -> Any:
        return f(*static, *jax.tree.unflatten(structure, leaves))

    place = _place(f, static, structure, shapes, x64)
    exported = _read(place)
    if exported is None:
        try:
            exported = jax.export.export(jax.jit(flat))(*[jax.ShapeDtypeStruct(*shape) for shape in shapes])
        except (ValueError, NotImplementedError):  # a call back into Python, say, which no file can hold
            return jit(flat)
        _write(place, exported)
    return jit(exported.call)


def _place(f: Callable[..., Any], *parts: Any) -> Path | None:
    """Where the program stands on the disk; None if it cannot be told from others by its key, or nothing is kept."""
    folder = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    if not folder or not _pinned(f):
        return None
    described = io.BytesIO()
    try:
        _Description(described).dump((f.__module__, f.__qualname__, jax.default_backend(), *parts))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return Path(folder) / "lowered" / hashlib.sha256(_source() + described.getvalue()).hexdigest()


def _pinned(code: Any) -> bool:
    return code.__module__.partition(".")[0] in PINNED


class _Description(pickle.Pickler):
    """Writes down what a program depends on, and refuses code that the key does not pin down. Never read back."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | FunctionType) and not _pinned(obj):
            raise pickle.PicklingError(obj.__qualname__)
        return NotImplemented


@cache
def _source() -> bytes:
    """A digest of this library's source and of the versions it runs on."""
    digest = hashlib.sha256(f"{jax.__version__} {version('jaxlib')} {np.__version__}".encode())
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def _read(place: Path | None) -> Any:
    """The program kept at `place`; None if there is none, or the file is not what was written."""
    try:
        content = place.read_bytes() if place else b""
    except OSError:
        return None
    digest, program = content[:32], content[32:]
    if not program or hashlib.sha256(program).digest() != digest:
        return None
    return jax.export.deserialize(bytearray(program))


def _write(place: Path | None, exported: Any) -> None:
    """Keep a program; a disk that is full or read-only costs the time to trace, nothing else."""
    if place is None:
        return
    program = bytes(exported.serialize())
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, hashlib.sha256(program).digest() + program)
    except OSError:
        return
