"""The text of a chain, a target or an optimizer: `eq >> (0.7 * fuzz + 0.3 * gain) >> reverb_fdn(mix=0.2)`.

Read by recursive descent over a fixed grammar; nothing is ever evaluated.

    chain := sum ('>>' sum)*
    sum   := ['-'] term (('+' | '-') term)*
    term  := [number '*'] atom
    atom  := [label '='] (name ['(' arguments ')'] | '(' chain ')')
    arguments := (value | chain | key '=' value) (',' …)*
    value := number | string | 'true' | 'false' | '[' numbers ']'
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, Protocol

import numpy as np

from ._errors import ExpressionError

MAX_LENGTH, MAX_DEPTH = 20_000, 40
TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>'[^'\n]*'|\"[^\"\n]*\")"
    r"|(?P<symbol>>>|[-+*()\[\],=]))",
    re.ASCII,
)
LABEL = re.compile(r"[A-Za-z_]\w*", re.ASCII)
SHOWN = 40  # characters of a text quoted on either side of an error
OPERATORS: dict[str, Callable[..., Any]] = {">>": operator.rshift, "+": operator.add, "*": operator.mul}


class Family(Protocol):
    """What an expression is made of: `Block`, `Target` or `Optimizer`."""

    kind: str

    def member(self, name: str) -> Any: ...


def parse_expression(text: str, family: Any) -> Any:
    """The object that `text` means; raises `ExpressionError` with a pointer to the place."""
    if not isinstance(text, str):
        raise ExpressionError("expression-syntax", f"{text!r} is no text of a {family.kind}.", "Give a string.")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            "expression-size", f"The {family.kind} has {len(text)} characters.", f"At most {MAX_LENGTH} are read."
        )
    parser = _Parser(text, family)
    result = parser.chain()
    if parser.kind != "end":
        parser.fail("an operator or the end")
    return result


class _Parser:
    def __init__(self, text: str, family: Any):
        self.text, self.family, self.at, self.depth = text, family, 0, 0
        self.kind = self.token = ""
        self.start = 0
        self.advance()

    def advance(self) -> str:
        """Step to the next token; returns the one left behind."""
        left = self.token
        if not self.text[self.at :].strip():
            self.kind, self.token, self.start = "end", "", len(self.text)
            return left
        match = TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            self.start = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
            self.token = self.text[self.start]
            self.fail("a name, a number or an operator")
        else:
            self.kind, self.token = match.lastgroup, match[match.lastgroup]
            self.start, self.at = match.start(match.lastgroup), match.end()
        return left

    def fail(self, wanted: str) -> NoReturn:
        found = repr(self.token) if self.token else "the end"
        raise ExpressionError(
            "expression-syntax",
            f"Expected {wanted}, found {found} at column {self.start + 1} of {self.quoted}.",
            f"A {self.family.kind} reads like {EXAMPLES.get(self.family.kind, 'name(key=value)')!r}.",
        )

    @property
    def quoted(self) -> str:
        """The text, or what stands about the place where it is long."""
        first, last = max(0, self.start - SHOWN), self.start + SHOWN
        before, after = "..." if first else "", "..." if last < len(self.text) else ""
        return f"{before}{self.text[first:last]!r}{after}"

    def accept(self, *tokens: str) -> str:
        return self.advance() if self.kind == "symbol" and self.token in tokens else ""

    def expect(self, token: str) -> None:
        if not self.accept(token):
            self.fail(repr(token))

    def chain(self) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(
                "expression-size", f"Brackets are nested deeper than {MAX_DEPTH}.", "Label parts and simplify."
            )
        links = [self.sum()]
        while self.accept(">>"):
            links.append(self.sum())
        self.depth -= 1
        return self.join(">>", links)

    def sum(self) -> Any:
        terms = [self.term(self.accept("-"))]
        while sign := self.accept("+", "-"):
            terms.append(self.term(sign))
        return self.join("+", terms)

    def join(self, symbol: str, parts: list[Any]) -> Any:
        """The operator between all parts, neighbours first: it is associative, and a long row takes no square time."""
        while len(parts) > 1:
            parts = [self.apply(symbol, *parts[i : i + 2]) for i in range(0, len(parts), 2)]
        return parts[0]

    def apply(self, symbol: str, left: Any, *right: Any) -> Any:
        try:
            return OPERATORS[symbol](left, *right) if right else left
        except TypeError:
            raise ExpressionError(
                "expression-syntax", f"{self.family.kind}s have no operator {symbol!r}: {self.quoted}.", "Leave it out."
            ) from None

    def term(self, sign: str = "") -> Any:
        weighted = self.kind == "number"
        weight = float(self.number()) if weighted else 1.0
        if weighted:
            self.expect("*")
        atom = self.atom()
        return self.apply("*", -weight if sign == "-" else weight, atom) if weighted or sign == "-" else atom

    def atom(self, label: str = "") -> Any:
        if self.accept("("):
            inner = self.chain()
            self.expect(")")
            return inner
        if self.kind != "name":
            self.fail(f"the name of a {self.family.kind}")
        name = self.advance()
        if not label and self.family.kind == "block" and self.accept("="):
            return self.atom(label=name).named(name)
        member = self.family.member(name)
        return member.from_call(*self.arguments()) if self.accept("(") else member.from_call([], {})

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        while not self.accept(")"):
            if args or kwargs:
                self.expect(",")
                if self.accept(")"):
                    break
            if self.kind == "name" and re.match(r"\s*=", self.text[self.at :]):
                key = self.advance()
                self.expect("=")
                if key in kwargs:
                    raise ExpressionError("expression-syntax", f"{key!r} is given twice in {self.quoted}.", "Drop one.")
                kwargs[key] = self.value_of(key)
            else:
                args.append(self.value())
        return args, kwargs

    def value_of(self, key: str) -> Any:
        """A value, which under some keys is a member of another family."""
        family = self.family
        self.family = family.nested.get(key, family)
        value = self.value()
        self.family = family
        return value

    def value(self) -> Any:
        if self.kind == "name" and self.token in ("true", "false"):
            return self.advance() == "true"
        if self.kind == "string":
            return self.advance()[1:-1]
        if self.accept("["):
            items: list[float] = []
            while not self.accept("]"):
                if items:
                    self.expect(",")
                items.append(self.number())
            return tuple(items)
        if self.kind == "number" or self.token == "-":
            here = self.at, self.kind, self.token, self.start
            number = self.number()
            if self.token != "*":
                return number
            self.at, self.kind, self.token, self.start = here  # it weighs what follows: `mix(0.5 * delay)`
        return self.chain()

    def number(self) -> float | int:
        sign = -1 if self.accept("-") else 1
        if self.kind != "number" or float(self.token) == float("inf"):
            self.fail("a number")
        text = self.advance()
        return sign * (int(text) if text.isdigit() and len(text) < 16 else float(text))


EXAMPLES = {
    "block": "parametric_eq(bands=6) >> (0.7 * soft_clip + 0.3 * gain)",
    "target": "multi_resolution_stft + 0.1 * esr",
    "optimizer": "adam(steps=500)",
    "damage": "clip(level_db=-6)",
}


def number_text(value: Any) -> str:
    """The shortest text that reads back as the same number."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def value_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value)
    if np.ndim(value):
        return "[" + ", ".join(number_text(v) for v in np.asarray(value).tolist()) + "]"
    return number_text(value)


def call_text(name: str, keywords: Mapping[str, Any], args: Iterable[str] = (), extra: Iterable[str] = ()) -> str:
    """`name(key=value)`, or the bare name where there is nothing to say."""
    parts = [*args, *(f"{k}={value_text(v)}" for k, v in keywords.items()), *extra]
    return f"{name}({', '.join(parts)})" if parts else name
