"""Where a result comes from: what was typed, what it was run with, and what the files are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._result import FitResult
from .._run import CONFIG, LISTEN, METRICS, NOTES, PRESET, RESULTS
from ._html import Content, Markup, el

ASKED = ("chain", "target", "optimizer", "seed", "prior", "budget", "align", "sample_rate", "frozen", "ties", "device")
DEFAULTS = {"seed": 0, "prior": 0.0, "budget": None, "align": True, "frozen": [], "ties": {}}


def configuration(folder: Path) -> dict[str, Any]:
    """What `config.json` says; nothing where there is none."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def origin(result: FitResult, config: Mapping[str, Any], told: Mapping[str, Any], folder: Path | None) -> Markup:
    """The command, the configuration, and checksums of what went in and came out."""
    command = told.get("command") or _call(result, config)
    asked = [(k, _said(config[k])) for k in ASKED if config.get(k) not in (None, [], {})]
    versions = config.get("versions")
    asked += [("versions", ", ".join(f"{k} {v}" for k, v in versions.items()))] if isinstance(versions, dict) else []
    given = told.get("files")
    files = [*(given.items() if isinstance(given, dict) else ()), *_checksums(folder)]
    parts: list[Content] = [el("pre", el("code", command), tabindex=0)]
    if asked:
        parts.append(_table(asked))
    if files:
        parts.append(el("details", el("summary", f"SHA-256 of {len(files)} files"), _table(files, "hash")))
    return el("div", parts)


def _call(result: FitResult, config: Mapping[str, Any]) -> str:
    """The call in Python, where no command was typed."""
    keys = [k for k in ASKED if k in ("target", "optimizer") or (k in DEFAULTS and config.get(k) != DEFAULTS[k])]
    said = [f"{k}={config[k]!r}" for k in keys if k in config]
    if decoder := config.get("transfer"):
        said = [f"decoder={decoder!r}", f"shift={config.get('shift')!r}", *said]
        return f"dl.transfer({', '.join(['source', 'timbre', str(result.sr), *said])})"
    if hasattr(result, "played"):
        kept = [s for s in said if not s.startswith(("align", "frozen"))]
        return f"dl.match({', '.join(['reference', str(result.sr), repr(result.preset.chain), *kept])})"
    return f"dl.fit({', '.join([repr(result.preset.chain), 'dry', 'reference', str(result.sr), *said])})"


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _checksums(folder: Path | None) -> Iterator[tuple[str, str]]:
    if folder is None:
        return
    names = [PRESET, METRICS, CONFIG, NOTES, *(name for name in RESULTS if name.endswith(".flac"))]
    for path in (*(folder / name for name in names), *sorted((folder / LISTEN).glob("*"))):
        if path.is_file():
            yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()


def _table(rows: list[tuple[str, str]], kind: str | None = None) -> Markup:
    body = [el("tr", el("th", str(k), scope="row"), el("td", el("code", str(v)))) for k, v in rows]
    return el("div", el("table", el("tbody", body), class_=kind), class_="wide")
