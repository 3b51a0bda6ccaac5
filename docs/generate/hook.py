"""What mkdocs asks for while it builds: pages from the registry, formulas, and the pages' place in the menu."""

from __future__ import annotations

from pathlib import Path

import kept
from block_page import block_page
from maths import Formulas
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from reference import blocks_page, codes_page, kinds, optimizers_page, ours, targets_page

from ddsp_lab import Block

MENU = "Blocks"  # the entry below which the blocks go
REFERENCE = {"targets": targets_page, "optimizers": optimizers_page, "codes": codes_page}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.markdown_extensions.append(Formulas())
    entry = next(entry for entry in config.nav if MENU in entry)
    below = [
        {f"{kind[0].upper()}{kind[1:]}": [f"blocks/{name}.md" for name in names]} for kind, names in kinds().items()
    ]
    entry[MENU] = ["blocks/index.md", *below]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages and their sounds; `extra.play` says which blocks are played: `all`, or names."""
    wanted = config.extra["play"].split(",")
    pages = {f"reference/{name}.md": page() for name, page in REFERENCE.items()} | {"blocks/index.md": blocks_page()}
    for name, cls in ours(Block).items():
        found, sounds = None, {}
        if not cls.needs_file and (wanted == ["all"] or name in wanted):
            found = kept.measured(cls)
            for said, path in (("as it came", found.given), ("through it" if found.given else "played", found.sound)):
                if path:
                    sounds[said] = f"sounds/{Path(path).name}"
                    _add(files, File.generated(config, f"blocks/{sounds[said]}", abs_src_path=path))
        pages[f"blocks/{name}.md"] = block_page(cls, found, sounds)
    for uri, text in pages.items():
        _add(files, File.generated(config, uri, content=text))
    return files


def _add(files: Files, file: File) -> None:
    if files.get_file_from_path(file.src_uri) is None:
        files.append(file)
