"""Presets: one readable JSON file says the whole chain. Loading one never runs code and is bounded in time."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

import msgspec
import numpy as np

from ._block import Block, flatten
from ._errors import DdspLabError, PresetError
from ._expression import parse_expression
from ._files import write_whole
from ._render import check_rate, render
from ._rows import packed, shortest, unpacked, without_rows
from ._space import Space
from ._trust import reading_a_file

FORMAT = 1
MAX_BYTES, MAX_DEPTH = 8 << 20, 16
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # or what is left of one


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chain at certain values: `Preset.load(path).render(x, sr)`.

    Values are physical (Hz, dB, ms), so a preset plays at any sample rate; `sample_rate` is the one it was fitted at.
    A long row among them, such as a recording, is written packed, as little-endian float32 in base64. Everything that
    differs from run to run stands under `fit`.
    """

    chain: str
    values: dict[str, Any]
    sample_rate: int
    format: int = FORMAT
    fit: dict[str, Any] = {}

    @staticmethod
    def of(chain: Block, values: Mapping[str, Any], sr: int, fit: Mapping[str, Any] | None = None) -> Preset:
        """The preset of a chain at its values; those left out take their start values."""
        return Preset(
            str(without_rows(chain)), _plain(Space(chain).complete(values)), check_rate(sr), fit=dict(fit or {})
        )

    @property
    def flat(self) -> dict[str, Any]:
        """Values by path, `eq.gain_db`."""
        return flatten(self.values)

    @property
    def block(self) -> Block:
        return parse_expression(self.chain, Block)

    def render(self, x: Any, sr: int) -> Any:
        """Audio through the preset: `(samples,)` or `(channels, samples)`, at any sample rate in Hz."""
        return render(self.block, self.values, x, sr)

    def text(self) -> str:
        """The JSON, keys in order, ready to be compared line by line."""
        order = ("format", "chain", "sample_rate", "values", "fit")
        try:
            data = msgspec.to_builtins(self) | {"values": packed(self.values)}
            text = json.dumps({k: data[k] for k in order}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
            text.encode()
        except (ValueError, TypeError) as error:
            raise PresetError(
                "preset-field", f"The preset holds what JSON cannot say: {error}.", "Give finite numbers, texts, lists."
            ) from None
        return text

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON; the file appears whole or not at all."""
        try:
            write_whole(Path(path), self.text().encode())
        except OSError as error:
            raise PresetError(
                "preset-unwritable",
                f"{os.fspath(path)} cannot be written: {error.strerror}.",
                "Check the folder and the space left.",
            ) from None

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Preset:
        """Read and check a preset; raises `PresetError` naming what is wrong and where."""
        name = os.fspath(path)
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)
            raise PresetError("preset-json", f"{name!r} cannot be read: {reason}.", "Check the path.") from None
        return Preset.parse(data, name)

    @staticmethod
    def parse(data: bytes, name: str = "the preset") -> Preset:
        """The preset in some JSON; raises `PresetError`."""
        if len(data) > MAX_BYTES or _depth(data) > MAX_DEPTH:
            raise PresetError(
                "preset-limits",
                f"{name} is larger than {MAX_BYTES >> 20} MiB or nested deeper than {MAX_DEPTH}.",
                "Write it anew.",
            )
        try:
            tree = json.loads(
                data.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
            )
            if isinstance(tree, dict) and isinstance(tree.get("values"), dict):
                tree["values"] = unpacked(tree["values"])
            json.dumps(tree, ensure_ascii=False).encode()  # half a surrogate pair is text in Python only
        except (ValueError, RecursionError) as error:
            raise PresetError(
                "preset-json", f"{name} is not the JSON of a preset: {error}.", "Write it anew."
            ) from None
        if isinstance(tree, dict) and isinstance(tree.get("format"), int) and tree["format"] > FORMAT:
            raise PresetError(
                "preset-format",
                f"{name} has format {short(tree['format'])}; this version reads up to {FORMAT}.",
                "Update ddsp_lab.",
            )
        try:
            preset = msgspec.convert(tree, Preset, strict=True)
        except msgspec.ValidationError as error:
            raise PresetError(
                "preset-field",
                f"{name}: {error}.",
                "A preset has the fields format, chain, sample_rate, values and fit.",
            ) from None
        return preset.checked(name)

    def checked(self, name: str) -> Preset:
        """Itself, every name and value held against the chain."""
        try:
            if self.format != FORMAT:
                raise PresetError("preset-field", f"there is no format {self.format}.", f"Formats begin at {FORMAT}.")
            check_rate(self.sample_rate)
            _numbers(self.values)
            with reading_a_file():
                space = Space(self.block)
            if missing := set(space.params) - set(space.known(self.values)):
                raise PresetError("preset-field", f"no value for {min(missing)}.", "Add it.")
        except DdspLabError as error:
            raise PresetError(error.code, f"{name}: {error.message}", error.remedy) from None
        return self


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON numbers: the shortest that read back as the same float32."""
    return {k: _plain(v) if isinstance(v, Mapping) else shortest(np.asarray(v, np.float32)) for k, v in values.items()}


def _depth(data: bytes) -> int:
    """How deep brackets nest, strings left aside, without recursion."""
    deepest = depth = 0
    for bracket in re.findall(rb"[\[{\]}]", STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in pairs:
        if key in tree:
            raise ValueError(f"the key {short(key)} stands twice")
        tree[key] = value
    return tree


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{short(text)} is beyond every number")
    return value


def _numbers(tree: Any, path: str = "values") -> None:
    """Raise unless every leaf is a number or a list of numbers, and every link and parameter has a place of its own."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if "." in key or value == {}:
                raise PresetError("preset-field", f"{path} has a field {short(key)}.", "Nest parameters in links.")
            _numbers(value, f"{path}.{key}")
    elif isinstance(tree, list):
        for value in tree:
            if isinstance(value, (dict, list)):
                raise PresetError("preset-field", f"{path} nests lists.", "Give one number, or one per element.")
            _numbers(value, path)
    elif isinstance(tree, bool) or not isinstance(tree, (int, float)):
        raise PresetError("preset-field", f"{path} is {short(tree)}, not a number.", "Give a number.")
