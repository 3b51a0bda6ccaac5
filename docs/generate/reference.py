"""The pages that list whole families: blocks, targets, damages, optimizers, and the codes of errors and notes."""

from __future__ import annotations

import re
from typing import Any

from block_page import description, references, settings, summary, table
from shown import ROOT

from ddsp_lab import Block, Damage, Optimizer, Target
from ddsp_lab._checks import CHECKS
from ddsp_lab._errors import CODES

SAYS = {True: "yes", False: "no"}
WHY_CODES = """Whatever stops a command, or is worth knowing about a result, has a code that stays the same from version
to version. An error also names the value and a remedy; `--json` gives codes and texts apart."""


def ours(kind: type[Any]) -> dict[str, type[Any]]:
    """The members that this library brings, in order."""
    return {k: v for k, v in sorted(kind.registry.items()) if v.__module__.startswith("ddsp_lab.")}


def kinds() -> dict[str, list[str]]:
    """Which blocks belong together, from the table of the README; what it does not name joins sums and rows."""
    lines = (ROOT / "README.md").read_text().partition("| kind | blocks")[2].partition("\n\n")[0].splitlines()[2:]
    rows = {cells[1].strip(): re.findall(r"`(\w+)`", cells[2]) for cells in (line.split("|") for line in lines)}
    named = {name for names in rows.values() for name in names}
    rows[list(rows)[-1]] += [name for name in ours(Block) if name not in named]
    return rows


def blocks_page() -> str:
    parts = ["# Blocks", "What chains are made of. Each page has the formula, the parameters, a sound and a picture."]
    for kind, names in kinds().items():
        rows = [(f"[`{name}`]({name}.md)", summary(Block.registry[name])) for name in names]
        parts += [f"## {kind[0].upper()}{kind[1:]}", table(("block", "what it is"), rows)]
    return "\n\n".join(parts)


def targets_page() -> str:
    parts = [
        "# Targets",
        "Distances that a fit lowers. [How to choose one](../choose_a_target.md) says which to take, and why.",
        *(_entry(name, cls, _hears(cls())) for name, cls in ours(Target).items()),
        "## Known damage of a reference",
        "Named by `--observed-through`, or `observed_through=` in the text of a target.",
        *(_entry(name, cls, "", "###") for name, cls in ours(Damage).items()),
    ]
    return "\n\n".join(parts)


def optimizers_page() -> str:
    parts = [
        "# Optimizers",
        "Searches. `auto` takes one and says why; [how to choose](../choose_an_optimizer.md) has what was measured.",
    ]
    for name, cls in ours(Optimizer).items():
        facts = f"Needs gradients: {SAYS[cls.needs_gradient]}. Moves whole numbers and choices: "
        facts += f"{SAYS[cls.handles_settings]}. "
        facts += f"Asks for whole generations, which processes can share: {SAYS[cls.parallel]}."
        parts.append(_entry(name, cls, facts))
    return "\n\n".join(parts)


def codes_page() -> str:
    """Every code with an anchor of its own, to be linked to."""
    checks = {code: (check.says, check.remedy) for code, check in CHECKS.items()}
    rows = [(_anchored(code), said) for code, said in sorted(CODES.items())]
    parts = [
        "# Codes",
        WHY_CODES,
        "## Errors and notes",
        table(("code", "what it means"), rows),
        "## What may be wrong with a pair of recordings",
        "`ddsp-lab check` and `ddsp-lab fit` list them, the likeliest cause of a bad fit first. They stop nothing.",
        table(("code", "says", "remedy"), [(_anchored(c), _open(s), r) for c, (s, r) in checks.items()]),
    ]
    return "\n\n".join(parts)


def _anchored(code: str) -> str:
    return f'<span id="{code}"></span>`{code}`'


def _open(says: str) -> str:
    """A text with its numbers left open."""
    return re.sub(r"\{[^}]*\}", "…", says).removeprefix("…: ")


def _entry(name: str, cls: type[Any], facts: str, head: str = "##") -> str:
    said = references(cls).replace("## References\n\n", "*References:* ")
    return "\n\n".join(
        p for p in [f"{head} {name}", f"*{summary(cls)}*", description(cls), facts, settings(cls), said] if p
    )


def _hears(target: Target) -> str:
    deaf = f" Deaf to {', '.join(target.deaf_to)}." if target.deaf_to else ""
    steps = "" if target.differentiable else " No gradient."
    return f"Hears {', '.join(target.hears)}.{deaf}{steps}"
