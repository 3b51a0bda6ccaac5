"""Formulas between dollar signs as MathML, which browsers draw by themselves: no script, no fonts, no network."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

FORMULA = r"(?<![\\$\w])(\$\$?)(?![\s$])((?:[^$\\]|\\.)+?)(?<!\s)\1(?![\w$])"
PRIORITY = 185  # after code, before everything that gives underscores a meaning
SPELT = {r"\arg\max": r"\operatorname{arg\,max}"}  # what the converter does not know, in what it knows


class Formulas(Extension):
    """`$x^2$` within a line, `$$x^2$$` on its own."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name that Markdown calls
        md.inlinePatterns.register(_Formula(FORMULA, md), "formula", PRIORITY)


class _Formula(InlineProcessor):
    def handleMatch(self, m, data: str) -> tuple[Element | str, int, int]:  # noqa: N802
        return self.md.htmlStash.store(mathml(m[2], "block" if m[1] == "$$" else "inline")), m.start(0), m.end(0)


def mathml(latex: str, display: str = "inline") -> str:
    """A formula as an element; raises `ValueError` where the converter leaves a command as it stands."""
    for given, known in SPELT.items():
        latex = latex.replace(given, known)
    made = convert(" ".join(latex.split()), display=display)
    if "\\" in made:
        raise ValueError(f"${latex}$ holds a command that latex2mathml does not know.")
    return made
