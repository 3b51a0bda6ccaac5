"""Formulas between dollar signs as MathML, which browsers draw by themselves: no script, no fonts, no network."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

FORMULA = r"(?<![\\$\w])(\$\$?)(?![\s$])((?:[^$\\]|\\.)+?)(?<!\s)\1(?![\w$])"
PRIORITY = 185  # after code, before everything that gives underscores a meaning
OVERLINE, TIGHT, THIN = "\u2015", ("|", "\u2016", "\u2225", "/"), "0.167em"
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
    root = fromstring(made.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "", 1))  # which HTML implies
    for element in list(root.iter()):
        _tidy(element)
    return tostring(root, encoding="unicode")


def _tidy(element: Element) -> None:
    """What the converter leaves to the browser, and browsers do not do: bars as long as what is below them, no space
    about a bar or a slash, a little about the names of functions."""
    if element.tag == "mover" and element[-1].text == OVERLINE:
        element.tag = "mrow"
        element.set("class", "overlined")
        element.remove(element[-1])
    elif element.tag == "mo" and element.text in TIGHT:
        element.attrib |= {"lspace": "0.06em", "rspace": "0.06em"}
    elif element.tag in ("mrow", "math"):
        parts = list(element)
        element[:] = []
        for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
            if before is not None and _is_name(part) and (before.tag != "mo" or before.text == ")"):
                SubElement(element, "mspace", width=THIN)
            element.append(part)
            if after is not None and _is_name(part) and after.text != "(" and not _is_name(after):
                SubElement(element, "mspace", width=THIN)
    elif _is_name(element):
        element.tag = "mi"  # `max` comes as an operator, with an operator's wide spaces


def _is_name(element: Element) -> bool:
    """Whether this is `log`, or `log` with an index."""
    while element.tag in ("msub", "msup", "msubsup", "munder"):
        element = element[0]
    return element.tag in ("mi", "mo") and len(element.text or "") > 1 and str(element.text).isalpha()
