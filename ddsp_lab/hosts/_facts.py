"""What is known of a plugin: read once, in a worker, and kept on the disk."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

import msgspec
import platformdirs

from .._errors import HostError
from .._files import write_whole
from .._trust import may_run
from ._controls import Control, controls
from ._host import Host
from ._workers import LOAD_S, Opening

FORMAT = 1  # of what is kept; another one is read anew
PROBED_AT = 48_000
NOTICED, NOTICED_LESS = 1e-5, 10.0  # a plugin that varies by so much is loaded anew if it varies less then
FOLDERS = ("~/.vst3", "/usr/lib/vst3", "/usr/local/lib/vst3")
FOLDERS_OF_A_MAC = ("~/Library/Audio/Plug-Ins/VST3", "/Library/Audio/Plug-Ins/VST3")


class Facts(msgspec.Struct, frozen=True):
    """A plugin as a block needs to know it."""

    identifier: str
    version: str
    mono: bool
    varies: float  # by how much a rendering differs from one alike, over the largest sample
    anew: bool  # whether it has to be loaded for every signal, or varies by more
    controls: tuple[Control, ...]
    format: int = FORMAT

    @property
    def fingerprint(self) -> str:
        """The version, and a hash of the names, ranges and order of the controls."""
        told = [self.identifier, [(c.param, c.unit, c.choices, c.values[0], c.values[-1]) for c in self.controls]]
        return f"{self.version}-{hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:8]}"


def located(path: str) -> Path:
    """The file of a plugin: where `path` says, else by its name in the folders where plugins are installed."""
    folders = (*filter(None, os.environ.get("DDSP_LAB_PLUGINS", "").split(os.pathsep)), *FOLDERS, *FOLDERS_OF_A_MAC)
    for place in (Path(path), *(Path(folder) / Path(path).name for folder in folders)):
        if place.expanduser().exists():
            return place.expanduser().resolve()
    raise HostError(
        "plugin-missing",
        f"There is no plugin {path!r}, nor one of that name where plugins are installed.",
        "Check the path, or name its folder in DDSP_LAB_PLUGINS.",
    )


def opening(path: Path, name: str, anew: bool, timeout_s: float, memory_mb: int) -> Opening:
    """How a worker is started that hosts the plugin."""
    request = {"kind": "plugin", "path": str(path), "name": name, "anew": anew}
    return Opening(f"plugin {name or path.name}", json.dumps(request), None, timeout_s, memory_mb)


@cache
def facts(path: str, name: str) -> tuple[Path, Facts]:
    """A plugin's file and what is known of it, from the disk or by loading it; raises `HostError`."""
    place = located(path)
    return place, _facts(place, name)


def _facts(path: Path, name: str) -> Facts:
    stamp = _digest(f"{path} {name} {_stamp(path)}")
    kept = Path(platformdirs.user_cache_dir("ddsp_lab")) / "plugins" / f"{stamp}.json"
    try:
        known = msgspec.json.decode(kept.read_bytes(), type=Facts)
        if known.format == FORMAT:
            return known
    except (OSError, msgspec.MsgspecError):
        pass
    if not may_run():
        raise HostError(
            "plugin-unknown",
            f"{path.name} has not been used here before, and reading a file loads no plugin.",
            f"If you trust it, give: ddsp-lab plugins scan {path}",
        )
    known = _read(path, name)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, msgspec.json.encode(known))
    except OSError:
        pass  # it is read again next time
    return known


def _read(path: Path, name: str) -> Facts:
    host = Host(opening(path, name, False, LOAD_S, 4096))
    try:
        told = host.ask("describe", sr=PROBED_AT)
    except HostError as error:
        raise _explained(error, path, name) from None
    finally:
        host.close()
    if told["instrument"]:
        raise HostError(
            "plugin-instrument", f"{path.name} is an instrument; it takes notes, not audio.", "Name an effect."
        )
    usually, fresh = told["varies"]
    anew = usually > NOTICED and fresh < usually / NOTICED_LESS
    return Facts(
        told["identifier"], told["version"], told["mono"], fresh if anew else usually, anew, controls(told["controls"])
    )


def _explained(error: HostError, path: Path, name: str) -> HostError:
    """Why a plugin did not load, as far as pedalboard says."""
    if "ModuleNotFoundError" in error.message:
        return HostError("plugin-extra", "Plugins need pedalboard.", "Install it: pip install 'ddsp_lab[plugins]'.")
    if "plugin_name" in error.message or "contains" in error.message:
        return HostError("plugin-name", f"{path.name}: {error.message}", "Write plugin('path', name='…').")
    return HostError(
        "plugin-unreadable", f"{path.name} is no plugin that can be loaded: {error.message}", "Name a .vst3 effect."
    )


def _stamp(path: Path) -> str:
    """What changes when the plugin's file does."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return " ".join(f"{s.st_size} {s.st_mtime_ns}" for s in (p.stat() for p in files))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
