"""The parts of the page that words and buttons make up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from .._result import FitResult
from ._charts import number
from ._curves import front
from ._html import Markup, el, text
from ._tracks import CHANNELS, Track, candidate_id

NOTES = 200  # that a page lists at most


@cache
def asset(name: str) -> str:
    """A file that lies beside this one."""
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


def buttons(made: Sequence[Track], differs: bool) -> Markup:
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


def remarks(result: FitResult, made: Sequence[Track], start: int, stop: int) -> Markup:
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


def candidates(result: FitResult) -> Markup | str:
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


def played(result: FitResult) -> Markup | str:
    """The notes that were heard."""
    rows = getattr(result, "table_of_notes", list)()
    if not rows:
        return ""
    head = el("tr", [el("th", name.replace("_", " "), scope="col", class_="n") for name in rows[0]])
    body = [el("tr", [el("td", number(v), class_="n") for v in row.values()]) for row in rows[:NOTES]]
    more = el("p", f"And {len(rows) - NOTES} more, in notes.mid.") if len(rows) > NOTES else None
    shown = el("div", el("table", el("thead", head), el("tbody", body)), class_="wide")
    return el("section", el("h2", "Notes"), el("details", el("summary", f"{len(rows)} notes"), shown, more))


def notes(notes: Sequence[tuple[str, str]]) -> Markup:
    if not notes:
        return el("p", "The checks found nothing, and nothing had to be resolved.")
    listed = [
        el("li", el("code", code), el("span", said), class_="check" if code.startswith("check-") else None)
        for code, said in notes
    ]
    return el("ul", listed, class_="codes")
