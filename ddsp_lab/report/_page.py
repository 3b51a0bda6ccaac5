"""The page itself: gathers, fills the template, and vouches for its own scripts and styles."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from .. import __version__
from .._errors import RunError
from .._files import write_whole
from .._result import FitResult
from .._run import REPORT
from .._saved import saved, told
from ._charts import number
from ._curves import front, losses, spectra
from ._figures import deaf_to_phase, figures, headline, table, tiles
from ._flow import flow
from ._html import Markup, el, text
from ._lanes import lanes
from ._origin import configuration, origin
from ._settings import settings
from ._tracks import CHANNELS, PASSAGE_S, Track, candidate_id, difference, passage, tracks

NOTEBOOK_S = 10.0  # of each sound in a notebook
NOTEBOOK_PX = 760
NOTES = 200  # that a page lists at most
SCRIPTS = ("player.js", "view.js", "blind.js", "ratings.js")


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Write `report.html` into the folder of a finished run, from what lies there; returns its path.

    Raises `RunError`: `run-unfinished`, `run-disk`.
    """
    folder = Path(folder)
    html = page(saved(folder), folder.resolve().name, configuration(folder), told(folder), folder)
    try:
        write_whole(folder / REPORT, html.encode("utf-8", "replace"))  # a file's name may be no text
    except OSError as error:
        raise RunError.unwritable(folder / REPORT, error) from None
    return folder / REPORT


def notebook(result: FitResult) -> str:
    """The page in a frame of its own, where neither its styles nor its scripts meet the notebook's."""
    html = page(result, "Fit", longest_s=NOTEBOOK_S)
    style = f"width:100%;height:{NOTEBOOK_PX}px;border:1px solid #8884;border-radius:8px"
    return el("iframe", srcdoc=html, sandbox="allow-scripts allow-downloads", style=style, title="Listening report")


def page(
    result: FitResult,
    title: str,
    config: Mapping[str, Any] | None = None,
    said: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    longest_s: float = PASSAGE_S,
) -> str:
    """A result as one HTML document that needs nothing else. `config` is what `config.json` says, `said` what
    `report.json` does, and the files in `folder` are checked by their sums; without them, that section is left out."""
    config, said = config or {}, said or {}
    start, stop = passage(result.sounds, result.sr, longest_s)
    made = tracks(result.sounds, result.candidates, result.sr, (start, stop))
    apart, boost_db = difference(made) or (None, 0.0)
    main = [t.id for t in made if not t.candidate]
    script = "\n".join(asset(name) for name in SCRIPTS)
    known = {
        "name": title,
        "preset": hashlib.sha256(result.preset.text().encode()).hexdigest(),
        "sr": result.sr,
        "nyquist": result.sr / 2,
        "start": start / result.sr,
        "seconds": max(t.sound.shape[1] for t in made) / result.sr,
        "main": main,
        "candidates": [t.id for t in made if t.candidate],
        "tracks": [{k: getattr(t, k) for k in ("id", "name", "matched", "plain", "scale")} for t in made],
        "difference": apart is not None,
        "boost": boost_db,
    }
    given = "notes" if result.preset.block.takes == "notes" else "dry"
    return Template(asset("page.html")).substitute(
        version=text(__version__),
        title=text(title),
        chain=text(result.preset.chain),
        script=script,
        style=asset("page.css"),
        script_hash=_vouched(script),
        style_hash=_vouched(asset("page.css")),
        tiles=tiles(headline(result)),
        buttons=_buttons(made, apart is not None),
        lanes=lanes(made, apart, not deaf_to_phase(result), result.sr, start / result.sr),
        remarks=_remarks(result, made, start, stop),
        curves=text([spectra(made, result.sr), losses(result)]),
        candidates=_candidates(result),
        blind=asset("blind.html"),
        flow=flow(result.preset.block, result.values, given),
        settings=settings(result, config),
        played=_played(result),
        notes=_notes(result.notes),
        figures=table(figures(result)),
        origin=el("section", el("h2", "How to get it again"), origin(result, config, said, folder)) if config else "",
        data=_json(known),
        audio="\n".join(_embedded(t) for t in made),
    )


@cache
def asset(name: str) -> str:
    """A file that lies beside this one."""
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


def _vouched(content: str) -> str:
    """How a content security policy names an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _json(data: Any) -> str:
    """JSON that ends no script element."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _embedded(track: Track) -> Markup:
    return el("script", base64.b64encode(track.data).decode(), type="text/plain", id=f"audio-{track.id}")


def _buttons(made: Sequence[Track], differs: bool) -> Markup:
    shown = [(t.id, t.name) for t in made if not t.candidate] + ([("difference", "Difference")] if differs else [])
    return text(
        [
            el(
                "button",
                el("kbd", i + 1, aria_hidden="true"),
                name,
                type="button",
                data_track=key,
                aria_pressed="false",
                aria_keyshortcuts=i + 1,
            )
            for i, (key, name) in enumerate(shown)
        ]
    )


def _remarks(result: FitResult, made: Sequence[Track], start: int, stop: int) -> Markup:
    """What is not to be heard here."""
    said, ends = [], max(y.shape[1] for y in result.sounds.values())
    if stop - start < ends:
        at, of = start / result.sr, ends / result.sr
        said.append(f"Played are {(stop - start) / result.sr:.0f} s from {at:.1f} s on, of {of:.1f} s.")
    if any(y.shape[0] > CHANNELS for y in result.sounds.values()):
        said.append(f"Of more channels the first {CHANNELS} are played.")
    if any(t.lufs is None for t in made):
        said.append("What is silent is not matched in loudness.")
    return text([el("p", line, class_="faint") for line in said])


def _candidates(result: FitResult) -> Markup | str:
    """The front, as far as it can be heard, and its blind rating."""
    if not result.candidates:
        return ""
    names = list(result.candidates[0].figures)
    head = el("tr", el("th", "Sound", scope="col"), [el("th", n, scope="col", class_="n") for n in names])
    rows = [
        el(
            "tr",
            el(
                "th", el("button", c.name, type="button", data_track=candidate_id(i), aria_pressed="false"), scope="row"
            ),
            [el("td", number(float(c.figures[n])), class_="n") for n in names],
        )
        for i, c in enumerate(result.candidates)
    ]
    listed = el("div", el("table", el("thead", head), el("tbody", rows)), class_="wide")
    drawn = front([costs for _, costs in result.front], result.candidates)
    both = el("div", drawn, listed, class_="curves")
    return el("section", el("h2", "Candidates"), both, Markup(asset("ratings.html")))


def _played(result: FitResult) -> Markup | str:
    """The notes that were heard."""
    rows = getattr(result, "table_of_notes", list)()
    if not rows:
        return ""
    head = el("tr", [el("th", name.replace("_", " "), scope="col", class_="n") for name in rows[0]])
    body = [el("tr", [el("td", number(v), class_="n") for v in row.values()]) for row in rows[:NOTES]]
    more = el("p", f"And {len(rows) - NOTES} more, in notes.mid.") if len(rows) > NOTES else None
    shown = el("div", el("table", el("thead", head), el("tbody", body)), class_="wide")
    return el("section", el("h2", "Notes"), el("details", el("summary", f"{len(rows)} notes"), shown, more))


def _notes(notes: Sequence[tuple[str, str]]) -> Markup:
    if not notes:
        return el("p", "The checks found nothing, and nothing had to be resolved.")
    listed = [
        el("li", el("code", code), el("span", said), class_="check" if code.startswith("check-") else None)
        for code, said in notes
    ]
    return el("ul", listed, class_="codes")
