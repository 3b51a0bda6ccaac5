"""Whether a chain comes out of a file: then nothing that it names is run to find out what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_reading: ContextVar[bool] = ContextVar("reading", default=False)


@contextmanager
def reading_a_file() -> Iterator[None]:
    """In here, blocks are what is known of them already."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def may_run() -> bool:
    """Whether the user has named what would be run."""
    return not _reading.get()
