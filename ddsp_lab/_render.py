"""Running a chain over audio: in pieces of one size, so that no new length compiles and a long file needs little
memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain as joined
from reprlib import repr as short
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ._automation import as_long, check_lengths, curves, padded
from ._block import Block, Context, faults, flatten, nest
from ._errors import AudioError
from ._look_ahead import check_look_ahead
from ._notes import Notes
from ._param import to_values
from ._programs import jit
from ._source import channels as source_channels
from ._source import check_takes, note_pieces, samples
from ._space import Space, starting_values

PIECE = 1 << 16
MAX_CHANNELS = 64


def as_audio(x: Any, what: str = "audio") -> np.ndarray:
    """`(samples,)` or `(channels, samples)` as float32 `(channels, samples)`; raises `AudioError`."""
    try:
        if np.iscomplexobj(x):
            raise TypeError
        if np.asarray(x).dtype.kind in "iu" and np.size(x) and max(int(np.max(x)), -int(np.min(x))) > 1:
            raise AudioError(
                "audio-scale", f"{what} holds whole numbers: {short(x)}.", "Divide by full scale: 32768 for 16 bits."
            )
        x = np.asarray(x, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise AudioError(
            "audio-shape", f"{what} is no array of samples: {short(x)}.", "Read files with audio.load(path).samples."
        ) from None
    if x.ndim == 1:
        x = x[None]
    if x.ndim != 2 or not 1 <= x.shape[0] <= MAX_CHANNELS:
        raise AudioError(
            "audio-shape", f"{what} has the shape {x.shape}.", "Give (samples,) or (channels, samples): channels first."
        )
    if x.shape[1] == 0:
        raise AudioError("audio-empty", f"{what} holds no samples.", "Record something.")
    if not np.isfinite(x).all():
        raise AudioError("audio-not-finite", f"{what} holds NaN or infinite samples.", "Repair or cut the recording.")
    return x


def check_rate(sr: Any) -> int:
    try:
        if isinstance(sr, bool) or int(sr) != sr or not 1_000 <= sr <= 768_000:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise AudioError(
            "audio-rate", f"A sample rate of {short(sr)} Hz.", "Use a whole number from 1000 to 768000."
        ) from None
    return int(sr)


def render(chain: Block, values: Mapping[str, Any], x: Any, sr: int) -> Any:
    """Audio through a chain at the given values: `(samples,)` or `(channels, samples)` in, the same layout out. A chain
    that begins with synths is given `Notes`, and `(channels, samples)` come out.

    Values left out take their start values; an automatable parameter also takes a curve, one value a sample of `x`. As
    many samples come out as go in, the chain's latency removed. Under a JAX transformation (`grad`, `vmap`, `jit`) the
    call is pure and, but for the lengths of curves, unchecked.
    """
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((values, x))):
        source: Any = x if isinstance(x, Notes) else jnp.atleast_2d(x)
        p = nest({**starting_values(chain), **padded(chain, values, samples(source, sr), sr)})
        y = chain.aligned(p, source, Context(sr))
    else:
        source = x if isinstance(x, Notes) else as_audio(x)
        check_takes(chain, source, check_rate(sr))
        pieces = source if isinstance(source, Notes) else [source]
        y = np.concatenate(list(render_pieces(chain, values, pieces, source_channels(source), check_rate(sr))), axis=1)
    return y[0] if not isinstance(x, Notes) and np.ndim(x) == 1 and y.shape[0] == 1 else y


@jit(static_argnames="chain")
def _step(chain: Block, p: Any, state: Any, x: Any, ctx: Context) -> Any:
    return chain.step(p, state, x, ctx)


def render_pieces(
    chain: Block, values: Mapping[str, Any], pieces: Iterable[np.ndarray] | Notes, channels: int, sr: int
) -> Iterator[np.ndarray]:
    """Stream `(channels, samples)` pieces of any size, or notes, through a chain; as many samples come out as go in.

    Inside, pieces are cut and padded to one size. The chain's latency is removed by feeding it silence at the end.
    Curves among the values are as long as all pieces together.
    """
    numbers, steered = curves(chain, values, sr)
    p = flatten(to_values(Space(chain).complete(numbers)))
    ctx = Context(sr)
    chain.channels_out(channels)
    state = chain.init(channels, ctx)
    faults(chain)  # of earlier calls, which others have been told of
    skip = chain.latency_samples(sr)
    done = 0
    tail = np.zeros((channels, skip), np.float32)
    size = PIECE
    if isinstance(pieces, Notes | list):
        known = pieces.samples(sr) if isinstance(pieces, Notes) else sum(piece.shape[1] for piece in pieces)
        check_lengths(steered, known)
        check_look_ahead(chain, known, sr)
    if isinstance(pieces, Notes):
        total = pieces.samples(sr) + skip
        size = PIECE * -(-total // PIECE) if steered else PIECE  # a phase goes back to what the curve was at the onset
        cut = note_pieces(chain, pieces, total, size, sr)
    else:
        cut = _recut(joined(as_long(pieces, steered), [tail]))
    for piece, real in cut:
        here = Context(sr, jnp.asarray(done / sr, jnp.result_type(float)))
        now = to_values({path: curve.part(done, size) for path, curve in steered.items()})
        state, y = _step(chain, nest(p | now), state, piece, here)
        done += real
        y = np.asarray(y)
        if failed := faults(chain):
            raise failed[0]
        y = y[:, skip:real] if skip < real else np.zeros((y.shape[0], 0), np.float32)
        skip = max(0, skip - real)
        yield y


def _recut(pieces: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, int]]:
    """Pieces of `PIECE` samples and how many of them are real; only the last is padded."""
    held: list[np.ndarray] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.shape[1]
        while count >= PIECE:
            joined = np.concatenate(held, axis=1)
            yield joined[:, :PIECE], PIECE
            held, count = [joined[:, PIECE:]], count - PIECE
    if count:
        joined = np.concatenate(held, axis=1)
        yield np.pad(joined, ((0, 0), (0, PIECE - count))), count
