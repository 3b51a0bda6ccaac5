"""Pictures of few colours as PNG files, by the standard library alone."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from jaxtyping import UInt8

# of the colour map magma (CC0): van der Walt, Smith, "A Better Default Colormap for Matplotlib", SciPy 2015
STOPS = ("000004", "1c1044", "4f127b", "812581", "b5367a", "e55964", "fb8761", "fec287", "fcfdbf")


def palette(colours: int) -> UInt8[np.ndarray, "k 3"]:
    """Colours from black to light yellow, evenly in lightness."""
    stops = np.array([list(bytes.fromhex(stop)) for stop in STOPS], float)
    at = np.linspace(0, len(stops) - 1, colours)
    return np.stack([np.interp(at, np.arange(len(stops)), c) for c in stops.T], axis=1).round().astype(np.uint8)


def png(pixels: UInt8[np.ndarray, "h w"], colours: UInt8[np.ndarray, "k 3"]) -> bytes:
    """A picture whose pixels are indices of colours (ISO/IEC 15948, colour type 3)."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each begins with its filter, 0 for none
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", colours.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes())),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
