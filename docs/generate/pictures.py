"""What a block does, measured by playing it something and drawn as the listening report draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from shown import SAMPLES, SR

import ddsp_lab as dl
from ddsp_lab import Block
from ddsp_lab.report._charts import Line, chart, hertz, linear
from ddsp_lab.report._curves import figure
from ddsp_lab.report._html import Markup, el
from ddsp_lab.report._lanes import image, marks, picture_db, stretched, times, waveform

LOWEST_HZ, HIGHEST_HZ = 20.0, 20_000.0
RANGE_DB = 60.0  # of a response, below its top
CLICK, FAINT = 0.5, 1e-3  # a click for what is linear, and one too small for what is not to matter
CYCLE_HZ, TONE_HZ = SR / 400, SR / 44  # whole cycles
STEPS_DB = np.arange(-60.0, 1.0, 5.0)
SHORTEST = int(0.02 * SR)  # of what a click leaves
LINES = ("fit", "reference")  # how the channels are drawn

Played = Callable[[np.ndarray], np.ndarray]


def pictures(block: Block, given: np.ndarray | None, made: np.ndarray) -> list[Markup]:
    """The figures for a block: of effects what they do to test signals, of what moves and of synths the sound itself;
    `given` is None for synths."""
    if given is None or not block.time_invariant:
        sounds = {"Dry": given, "Through it": made} if given is not None else {"Three notes": made}
        return [sonagrams({k: y for k, y in sounds.items() if y is not None})]
    play: Played = partial(dl.render, block, {}, sr=SR)
    if block.memoryless:
        return [static_curve(play, given.shape[0])]
    if block.linear:
        return [decay(play)] if block.echoes else [response(play, CLICK, "Response")]
    if block.couples_channels:
        return [level_curve(play)]
    return [cycle(play), response(play, FAINT, "Response to what is faint")]


def sonagrams(sounds: dict[str, np.ndarray]) -> Markup:
    """Waveforms and spectrograms, one above the other."""
    shown = {name: picture_db(y, SR, SAMPLES) for name, y in sounds.items()}
    top = max(float(db.max()) for db in shown.values())
    loudest = max(float(np.abs(y).max()) for y in sounds.values()) or 1.0
    lanes = [
        el(
            "div",
            el("b", name),
            el("svg", stretched([waveform(y / loudest, SAMPLES)], 200), class_="wave", aria_hidden="true"),
            el("div", image(shown[name], top, name), marks(SR), class_="sonagram"),
            class_="lane",
        )
        for name, y in sounds.items()
    ]
    return figure(
        "Sound", "Waveform and spectrogram, 80 dB from black to white.", el("div", lanes, times(SAMPLES / SR, 0.0))
    )


def response(play: Played, size: float, title: str) -> Markup:
    """The magnitude response, from a click."""
    spectrum = np.abs(np.fft.rfft(_row(play(_click(size))), axis=1)) / size
    hz = np.fft.rfftfreq(SAMPLES, 1.0 / SR)
    within = (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    db = _db(spectrum[:, within])
    top = max(6.0, float(db.max()) + 3.0)
    at = np.unique(np.geomspace(1, within.sum(), 400).astype(int)) - 1
    bottom = max(top - RANGE_DB, min(-6.0, float(db[:, at].min()) - 3.0))
    lines = [Line("", kind, hz[within][at], row[at]) for kind, row in zip(LINES, db, strict=False)]
    said = "Magnitude over frequency."
    return figure(
        title, said, chart(lines, hertz(LOWEST_HZ, HIGHEST_HZ), linear(bottom, top, "dB"), f"{title}: {said}")
    )


def decay(play: Played) -> Markup:
    """How a click dies away, until it is gone: the highest peak of each of up to 300 stretches."""
    y = np.abs(_row(play(_click(CLICK)))) / CLICK
    heard = np.flatnonzero(y.max(axis=0) > 10.0 ** (-RANGE_DB / 20.0) * y.max())
    ends = min(SAMPLES, max(SHORTEST, int(1.1 * heard[-1])))
    size = max(1, ends // 300)
    peaks = _db(y[:, : ends // size * size].reshape(y.shape[0], -1, size).max(axis=2))
    top, at_ms = float(peaks.max()), 1e3 * size / SR * np.arange(peaks.shape[1])
    across = linear(0.0, float(at_ms[-1]), "ms")
    lines = [Line("", kind, at_ms, row) for kind, row in zip(LINES, peaks, strict=False)]
    said = "Peak level over time, after a click."
    return figure("What a click leaves", said, chart(lines, across, linear(top - RANGE_DB, top + 3.0, "dB"), said))


def static_curve(play: Played, channels: int) -> Markup:
    """Output over input, for what has no memory; of two channels only the left is given anything."""
    x = np.linspace(-1.0, 1.0, SAMPLES, dtype=np.float32)[None]
    given = np.concatenate([x, np.zeros_like(x)]) if channels == 2 else x
    return _curve(x[0], _row(play(given)), "Output over input.")


def cycle(play: Played) -> Markup:
    """Output over input in the last cycle of a tone at full scale: a loop where the block remembers."""
    x = np.sin(2.0 * np.pi * CYCLE_HZ / SR * np.arange(SAMPLES, dtype=np.float64)).astype(np.float32)[None]
    y, last = _row(play(x)), slice(SAMPLES - 4 * 401, SAMPLES - 3 * 401 + 2)
    return _curve(x[0, last], y[:, last], f"Output over input, in one cycle of {CYCLE_HZ:.0f} Hz at full scale.")


def level_curve(play: Played) -> Markup:
    """Level out over level in, of a steady tone, once the block has settled."""
    size = SAMPLES // STEPS_DB.size
    levels = np.repeat(10.0 ** (STEPS_DB / 20.0), size)
    x = (levels * np.sin(2.0 * np.pi * TONE_HZ / SR * np.arange(levels.size))).astype(np.float32)
    y = _row(play(x[None]))[:, : levels.size].reshape(-1, STEPS_DB.size, size)[:, :, size // 2 :]
    db = _db(np.sqrt(2.0 * np.mean(np.square(y), axis=2)))
    lines = [Line("as it came", "dry", STEPS_DB, STEPS_DB), Line("through it", "fit", STEPS_DB, db[0])]
    said = f"Level out over level in, a tone of {TONE_HZ:.0f} Hz in steps of 5 dB from below."
    top = max(0.0, float(db.max())) + 3.0
    drawn = chart(lines, linear(-60.0, 0.0, "dB"), linear(top - 80.0, top, "dB"), said)
    return figure("Level curve", said, drawn, lines)


def _curve(x: np.ndarray, y: np.ndarray, said: str) -> Markup:
    most = max(1.0, float(np.abs(y).max()))
    lines = [Line("", kind, x, row) for kind, row in zip(LINES, y, strict=False)]
    drawn = chart(lines, linear(-1.0, 1.0), linear(-1.1 * most, 1.1 * most), said, "square")
    return figure("Curve", said, drawn)


def _click(size: float) -> np.ndarray:
    return np.float32(size) * np.eye(1, SAMPLES, dtype=np.float32)


def _row(y: np.ndarray) -> np.ndarray:
    return np.asarray(np.atleast_2d(y), np.float64)


def _db(amplitude: np.ndarray) -> np.ndarray:
    return 20.0 * np.log10(np.maximum(amplitude, 1e-6))
