"""Pitches as MIDI counts them, and their frequencies; on the host and in compiled programs."""

from typing import Any

import numpy as np


def hz(pitch: Any) -> Any:
    r"""$440 \cdot 2^{(p - 69) / 12}$."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def midi(frequency_hz: Any) -> Any:
    r"""$69 + 12 \log_2(f / 440)$, of numbers and host arrays."""
    return 69.0 + 12.0 * np.log2(frequency_hz / 440.0)
