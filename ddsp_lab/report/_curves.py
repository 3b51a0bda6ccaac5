"""What a fit looks like as curves: its spectrum, its way down, its front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .._result import Candidate, FitResult
from ._charts import Axis, Line, chart, hertz, linear, logarithmic, number, percent, signed
from ._html import Markup, el
from ._spectra import band_levels_db
from ._tracks import Track, candidate_id

SHOWN_DB = 80.0
HEARD_DB = 50.0  # below the loudest band: what is deeper nobody misses
SMALLEST = 1e-15  # loss that a logarithm can show
FAINT = 1e-2  # of the loss: a term below that has no share in it
TERMS = 5  # that have a line of their own


def figure(title: str, said: str, drawn: Markup, lines: Sequence[Line] = ()) -> Markup:
    """A chart under its title and legend."""
    legend = [el("li", el("span", class_=f"swatch {line.kind}"), line.name) for line in lines]
    return el(
        "figure", el("figcaption", el("b", title), " ", said), drawn, legend and el("ul", legend, class_="legend")
    )


def spectra(made: Sequence[Track], sr: int) -> Markup:
    """The long-term spectra, in bands of a sixth of an octave."""
    lines, known, at = [], {}, np.ones(2)
    for track in made:
        if track.id in ("dry", "reference", "fit"):
            at, known[track.id] = band_levels_db(track.sound, sr)
            lines.append(Line(track.name, track.id, at, known[track.id]))
    top = max(float(db.max()) for db in known.values()) + 3.0
    said = "Level in bands of a sixth of an octave, over the whole passage."
    if {"reference", "fit"} <= known.keys():
        apart = known["fit"] - known["reference"]
        apart[known["reference"] < known["reference"].max() - HEARD_DB] = 0.0
        worst = int(np.argmax(np.abs(apart)))
        said += f" Fit and reference are furthest apart at {number(round(at[worst]))} Hz: {signed(apart[worst])}."
    drawn = chart(lines, hertz(float(at[0]), float(at[-1])), linear(top - SHOWN_DB, top, "dB"), said)
    return figure("Spectrum", said, drawn, lines)


def losses(result: FitResult) -> Markup | None:
    """The best loss over evaluations, whole and by term."""
    if len(result.history) < 2:
        return None
    count, loss = (np.array(v, float) for v in zip(*result.history, strict=True))
    done = float(result.metrics.get("evaluations") or count[-1])
    terms = sorted(result.terms.items(), key=lambda term: -term[1][-1][1] if term[1] else 0.0)[:TERMS]
    lines = [Line("loss", "loss", [*count, done], [*loss, loss[-1]], steps=True)]
    for i, (name, points) in enumerate(terms):
        if points:
            at, value = zip(*points, strict=True)
            lines.append(Line(name, f"term{i + 1}", [*at, done], [*value, value[-1]]))
    values = np.concatenate([np.asarray(line.y, float) for line in lines])
    lowest = max(float(values.min()), FAINT * float(loss.min()), SMALLEST)
    said = f"{number(loss[0])} at the start, {number(loss[-1])} after {done:,.0f} evaluations; both axes logarithmic."
    across = logarithmic(1.0, max(done, 2.0))
    drawn = chart(lines, across, logarithmic(lowest / 1.5, 1.5 * max(float(values.max()), lowest)), said)
    return figure("Loss", said, drawn, lines if len(lines) > 1 else ())


def front(points: Sequence[Mapping[str, float]], candidates: Sequence[Candidate]) -> Markup | None:
    """Two objectives of a front against each other; points that can be heard are buttons."""
    names = list(points[0]) if points else []
    if len(names) < 2 or len(points) < 2:
        return None
    axes = [_around([float(p[name]) for p in points]) for name in names[:2]]
    heard = {tuple(c.figures.values()): i for i, c in enumerate(candidates)}
    spots = []
    for point in points:
        x, y = (percent(float(s)) for s in (axes[0].share(point[names[0]]), 1.0 - axes[1].share(point[names[1]])))
        i = heard.get(tuple(point.values()))
        if i is None:
            spots.append(el("circle", cx=x, cy=y, r=3, class_="spot"))
            continue
        said = f"{candidates[i].name}: " + ", ".join(f"{k} {number(v)}" for k, v in point.items())
        spots.append(
            el(
                "circle",
                el("title", said),
                cx=x,
                cy=y,
                r=8,
                class_="spot heard",
                tabindex=0,
                role="button",
                aria_label=said,
                data_track=candidate_id(i),
            )
        )
    said = f"{names[1]} (upwards) against {names[0]}; the large points can be played."
    return figure("Front", said, chart([], axes[0], axes[1], said, spots=spots))


def _around(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    if low > 0.0 and high > 20.0 * low:
        return logarithmic(low / 1.3, high * 1.3)
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return linear(low - room, high + room)
