"""Markup that escapes what it is given: text is text unless it is a `Markup` already."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TypeAlias


class Markup(str):
    """Text that is HTML or SVG."""

    __slots__ = ()


Content: TypeAlias = "str | float | Iterable[Content] | None"
VOID = ("img", "line", "path", "rect", "circle", "polyline")


def text(content: Content) -> Markup:
    """Content as markup: everything but `Markup` is escaped, None is nothing."""
    if isinstance(content, Markup):
        return content
    if content is None:
        return Markup()
    if isinstance(content, str | int | float):
        return Markup(html.escape(str(content)))
    return Markup("".join(map(text, content)))


def el(tag: str, *content: Content, **attributes: str | float | bool | None) -> Markup:
    """An element: `el("td", "a < b", class_="name", aria_label="x")`. Attributes that are None or False are left out,
    `True` stands alone."""
    said = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        said.append(f" {name}" if value is True else f' {name}="{html.escape(str(value))}"')
    if tag in VOID and not content:
        return Markup(f"<{tag}{''.join(said)}/>")
    return Markup(f"<{tag}{''.join(said)}>{text(content)}</{tag}>")
