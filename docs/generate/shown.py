"""What the pages of blocks play: each block at settings at which it is heard, on the same seconds of the same riff."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import ddsp_lab as dl
from ddsp_lab import Block, Notes

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 1 << 16  # one piece of the renderer: whatever is played costs one compilation a block
SR = 44_100
PHRASE = ((0.0, 0.4, 60.0, 0.9), (0.5, 0.4, 67.0, 0.5), (1.0, 1.2, 72.0, 1.0))  # s, s, MIDI note, velocity
LATE_S = 0.012  # of the right channel, where only two channels show what a block does

# blocks that do nothing, or hardly anything, as they come
SETTINGS = {
    "all_pole": "all_pole(reflection=[-0.9, 0.7, -0.3, 0.3], gain_db=-12)",
    "bitcrusher": "bitcrusher(bits=4)",
    "convolution": "convolution(taps=[0.4, 0.5, 0.4, 0.1, -0.1, -0.2, -0.1, 0, 0.1, 0.1], length=10)",
    "expander": "expander(threshold_db=-12, ratio=4)",
    "fractional_delay": "fractional_delay(delay_ms=7.3)",
    "gain": "gain(gain_db=-9)",
    "gate": "gate(threshold_db=-20, release_ms=20)",
    "graphic_eq": "graphic_eq(gain_db=[9, 6, 3, 0, -3, -6, -3, 0, 6, 9])",
    "high_shelf": "high_shelf(gain_db=12)",
    "hiss": "hiss(gain_db=-50)",
    "limiter": "limiter(gain_db=12)",
    "linear_phase_eq": "linear_phase_eq(gain_db=[9, 6, 3, 0, -3, -6, -3, 0, 6, 9])",
    "low_shelf": "low_shelf(gain_db=-12)",
    "pan": "pan(position=0.5)",
    "parametric_eq": "parametric_eq(gain_db=[9, -12, 9, -6])",
    "peak": "peak(gain_db=12)",
    "polarity": "polarity(amount=1)",
    "stereo_width": "stereo_width(width=2)",
    "tilt_eq": "tilt_eq(tilt_db=12)",
    "waveshaper": "waveshaper(slope_db=[-20, -10, -5, 0, 0, 5, 10, 15, 15, 10, 5, 0, 0, -5, -10, -20])",
}


def shown(cls: type[Block]) -> Block:
    """A block of this kind, to be looked at."""
    return dl.parse(SETTINGS[cls.name]) if cls.name in SETTINGS else cls.example()


def played(block: Block) -> np.ndarray | Notes:
    """What it is given: three notes, or the first seconds of the riff, the right channel late where width is meant."""
    if block.takes == "notes":
        return dl.notes([*PHRASE], SAMPLES / SR)
    x = dl.audio.load(ROOT / "examples" / "audio" / "riff_dry.flac").samples[:, :SAMPLES]
    wide = block.linear and block.memoryless and block.couples_channels
    return np.concatenate([x, np.pad(x, ((0, 0), (round(LATE_S * SR), 0)))[:, :SAMPLES]]) if wide else x
