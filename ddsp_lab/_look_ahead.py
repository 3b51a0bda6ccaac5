"""Looking ahead: no block may look further than the recording goes."""

from __future__ import annotations

from collections.abc import Iterator

from ._block import Block
from ._errors import ParameterError


def look_aheads(block: Block, sr: int, path: tuple[str, ...] = ()) -> Iterator[tuple[str, int, float]]:
    """Every setting that looks ahead, by path: how many samples, and its value in ms."""
    ms = getattr(block, "lookahead_ms", 0.0)
    if ms:
        yield ".".join((*(path or (block.name,)), "lookahead_ms")), round(1e-3 * ms * sr), ms
    for name, child in block.children.items():
        yield from look_aheads(child, sr, (*path, name))


def check_look_ahead(chain: Block, samples: int, sr: int) -> None:
    """Raises `ParameterError` where a block would wait for what comes after the end, and never hear the beginning."""
    for path, ahead, ms in look_aheads(chain, sr):
        if ahead >= samples:
            raise ParameterError(
                "lookahead-length",
                f"{path}={ms:g} is {ahead} samples at {sr} Hz, and the audio has {samples}.",
                f"Use less than {1e3 * samples / sr:g} ms, or a longer recording.",
            )
