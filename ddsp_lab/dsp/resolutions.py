"""The windows through which a multi-resolution distance looks."""

from math import log2
from random import Random
from typing import TypeAlias

from scipy.fft import next_fast_len

Window: TypeAlias = tuple[int, int, int]  # samples: of the transform, between frames, of the window

AURALOSS: tuple[Window, ...] = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # its defaults


def drawn_sizes(sizes: tuple[int, ...], count: int, seed: int) -> tuple[int, ...]:
    """`count` sizes, log-uniform between the smallest and the largest of `sizes`, the same for the same seed.

    Rounded up to a multiple of 16 of which a fast transform is known.
    """
    low, high = log2(min(sizes)), log2(max(sizes))
    draw = Random(seed)  # its numbers are the same in every version
    return tuple(16 * next_fast_len(max(1, round(2.0 ** draw.uniform(low, high) / 16.0))) for _ in range(count))
