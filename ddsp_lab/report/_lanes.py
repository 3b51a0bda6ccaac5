"""The pictures that share a cursor: a waveform and a spectrogram for each sound, and the levels below them."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from ._charts import UNITS, Axis, Line, chart, linear, percent, signed, stretched
from ._html import Markup, el
from ._png import palette, png
from ._spectra import LOWEST_HZ, highest_hz, levels_db, spectrogram_db
from ._tracks import Track

COLUMNS, ROWS, COLOURS = 640, 96, 48
RANGE_DB = 80.0  # between black and white
FLOOR_DB = -72.0  # of the level curve
UNMATCHED = "; it is loud where phases differ, which the target does not hear"
MARKS = ((100, "100"), (1000, "1k"), (10_000, "10k"))


def lanes(made: Sequence[Track], apart: np.ndarray | None, nulls: bool, sr: int, start_s: float) -> Markup:
    """One lane a sound, all over the same seconds; `apart` is the difference of reference and fit, and `nulls` whether
    it was to be little."""
    shown = [(t.id, t.name, t.sound, t.matched, _said(t)) for t in made if not t.candidate]
    if apart is not None:
        level = next(t.matched for t in made if t.id == "reference")
        shown.append(("difference", "Difference", apart, level, f"reference − fit{'' if nulls else UNMATCHED}"))
    ends = max(y.shape[1] for _, _, y, _, _ in shown)
    loudest = max(g * float(np.abs(y).max(initial=0.0)) for _, _, y, g, _ in shown) or 1.0
    pictures = {key: picture_db(g * y, sr, ends) for key, _, y, g, _ in shown}
    top = max(float(db.max()) for key, db in pictures.items() if key != "difference")
    parts = [
        el(
            "div",
            el("div", el("b", name), " ", el("span", said), class_="name"),
            el("svg", stretched([waveform(g * y / loudest, ends)], 200), class_=f"wave {key}", aria_hidden="true"),
            el("div", image(pictures[key], top, name), marks(sr), class_="sonagram"),
            class_="lane",
            data_lane=key,
        )
        for key, name, y, g, said in shown
    ]
    return el("div", parts, _levels(made, sr, ends), times(ends / sr, start_s))


def _said(track: Track) -> str:
    if track.lufs is None:
        return "silent"
    moved = "unchanged" if abs(track.matched_db) < 0.05 else signed(track.matched_db)
    return f"{track.lufs:.1f} LUFS, {moved} when matched".replace("-", "−")


def waveform(y: np.ndarray, ends: int) -> Markup:
    """The outline of the lowest and the highest samples."""
    edges = np.linspace(0, ends, COLUMNS + 1).astype(int)
    padded = np.pad(y, ((0, 0), (0, max(ends, edges[-1] + 1) - y.shape[1])))
    low, high = padded.min(axis=0), padded.max(axis=0)
    starts = np.minimum(edges[:-1], ends - 1)
    high, low = np.maximum.reduceat(high, starts), np.minimum.reduceat(low, starts)
    x = np.linspace(0, UNITS, COLUMNS).round().astype(int)
    up, down = (np.clip(100 - 96 * v, 0, 200).round(1) for v in (high, low))
    outline = [*zip(x, up, strict=True), *zip(x[::-1], down[::-1], strict=True)]
    return el("path", d="M" + "L".join(f"{a} {b:g}" for a, b in outline) + "Z")


def picture_db(y: np.ndarray, sr: int, ends: int) -> np.ndarray:
    return spectrogram_db(np.pad(y, ((0, 0), (0, ends - y.shape[1]))), sr, COLUMNS, ROWS)


def image(db: np.ndarray, top: float, name: str) -> Markup:
    shade = np.clip((db - top) / RANGE_DB + 1.0, 0.0, 1.0)
    data = png((shade * (COLOURS - 1)).round().astype(np.uint8), palette(COLOURS))
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return el("img", src=source, alt=f"Spectrogram of {name}", width=COLUMNS, height=ROWS, draggable="false")


def marks(sr: int) -> Markup:
    octaves = np.log(highest_hz(sr) / LOWEST_HZ)
    marks = [
        el("text", said, x="100%", dx=-4, dy=4, y=percent(1 - np.log(hz / LOWEST_HZ) / octaves), text_anchor="end")
        for hz, said in MARKS
        if hz < 0.95 * highest_hz(sr)
    ]
    return el("svg", marks, class_="marks", aria_hidden="true")


def _levels(made: Sequence[Track], sr: int, ends: int) -> Markup:
    """The levels of reference and fit as they are, not matched."""
    lines, known = [], {}
    for track in made:
        if track.id in ("dry", "reference", "fit"):
            at, db = levels_db(track.sound, sr)
            known[track.id] = db
            lines.append(Line(track.name, track.id, at, db))
    top = max((float(db.max()) for k, db in known.items() if k != "dry"), default=0.0) + 3.0
    said = "of " + ", ".join(line.name.lower() for line in lines) + " as they are, not matched"
    if {"reference", "fit"} <= known.keys() and known["fit"].shape == known["reference"].shape:
        loud = known["reference"] > top - 50.0
        typical = float(np.median(np.abs(known["fit"] - known["reference"])[loud])) if loud.any() else 0.0
        said += f"; where it is loud the fit is typically {typical:.1f} dB from the reference"
    across, up = Axis(0.0, ends / sr, ()), linear(max(FLOOR_DB, top - 60.0), top, "dB", 4)
    drawn = chart(lines, across, up, f"The level {said}", "levels")
    return el("div", el("div", el("b", "Level"), " ", el("span", said), class_="name"), drawn, class_="lane")


def times(seconds: float, start_s: float) -> Markup:
    axis = linear(start_s, start_s + seconds, "s", 6)
    marks = [el("text", said, x=percent(at), dx=3, y=12) for at, said in axis.inner()]
    marks += [el("line", x1=percent(at), x2=percent(at), y1=0, y2=5) for at, _ in axis.inner()]
    return el("svg", marks, class_="times", aria_hidden="true")
