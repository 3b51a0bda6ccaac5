"""The page itself: gathers, fills the template, and vouches for its own scripts and styles."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from .. import __version__
from .._errors import RunError
from .._files import write_whole
from .._result import FitResult
from .._run import REPORT
from .._saved import saved, told
from ._curves import losses, spectra
from ._figures import deaf_to_phase, figures, headline, table, tiles
from ._flow import flow
from ._html import Markup, el, text
from ._lanes import lanes
from ._origin import configuration, origin
from ._sections import asset, buttons, candidates, notes, played, remarks
from ._settings import settings
from ._tracks import PASSAGE_S, Track, difference, passage, tracks

NOTEBOOK_S = 10.0  # of each sound in a notebook
NOTEBOOK_PX = 760
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
        buttons=buttons(made, apart is not None),
        lanes=lanes(made, apart, not deaf_to_phase(result), result.sr, start / result.sr),
        remarks=remarks(result, made, start, stop),
        curves=text([spectra(made, result.sr), losses(result)]),
        candidates=candidates(result),
        blind=asset("blind.html"),
        flow=flow(result.preset.block, result.values, given),
        settings=settings(result, config),
        played=played(result),
        notes=notes(result.notes),
        figures=table(figures(result)),
        origin=el("section", el("h2", "How to get it again"), origin(result, config, said, folder)) if config else "",
        data=_json(known),
        audio="\n".join(_embedded(t) for t in made),
    )


def _vouched(content: str) -> str:
    """How a content security policy names an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _json(data: Any) -> str:
    """JSON that ends no script element."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _embedded(track: Track) -> Markup:
    return el("script", base64.b64encode(track.data).decode(), type="text/plain", id=f"audio-{track.id}")
